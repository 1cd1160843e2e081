// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with many tokens: as fast as the matrix units can be fed. A block has 128 rows and 64 or 128 tokens; its 8 warps share
// weights and activations through shared memory, where copies arrive some tiles of columns ahead of their use. Quantized
// weights stay codes until they are in registers: what that costs hides behind the matrix units, and no memory has to be
// written. Sums are kept for each part of the columns and then added up, so that the bits are those of multiply_few().
#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/outputs.h"
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kTokenTile = 8;                  ///< of one mma
constexpr uint32_t kRowWarps = 4, kTokenWarps = 2;  ///< how the warps lie in a block's outputs
constexpr uint32_t kThreads = kRowWarps * kTokenWarps * kWarp;
constexpr uint32_t kRowTiles = 2;  ///< of a warp
constexpr uint32_t kBlockRowTiles = kRowWarps * kRowTiles;
constexpr uint32_t kStages = 4;
constexpr uint32_t kVector = 16;                                ///< bytes of a copy
constexpr uint32_t kTokenVectors = kTileColumns * 2 / kVector;  ///< of a token in a tile of columns

template <class TileType, uint32_t kTokens>
struct Many {
    using Tile = TileType;
    static constexpr uint32_t kTokenTiles = kTokens;  ///< of a warp
    static constexpr uint32_t kBlockTokens = kTokenWarps * kTokens * kTokenTile;
    /// Bytes of a stage.
    static constexpr uint32_t kValues = kBlockRowTiles * kValueBytes<Tile>,
                              kScales = kBlockRowTiles * kScaleBytes<Tile>,
                              kActivations = kBlockTokens * kTokenVectors * kVector;
    using Sums = float[kRowTiles][kTokens][4];
};

/// Where 16 bytes of a token lie in a stage: those of odd tokens with their halves swapped, so that the 8 lanes that read at a
/// time, of two tokens, ask different banks.
PITWALL_DEVICE uint32_t token_place(uint32_t token, uint32_t vector) {
    return (token * kTokenVectors + (vector ^ (token % 2 * (kTokenVectors / 2)))) * kVector;
}

/// A block's share of the operands, a tile of columns in each stage.
template <class Shape>
class Stages {
  public:
    PITWALL_DEVICE Stages(const MultiplyArgs& args, SharedMemory& shared)
        : args_(args),
          tiles_(column_tiles(args.matrix.columns)),
          values_(shared.take<std::byte>(kStages * Shape::kValues)),
          scales_(shared.take<std::byte>(kStages * Shape::kScales)),
          tokens_(shared.take<std::byte>(kStages * Shape::kActivations)) {}

    /// Asks for a tile of columns; none where there are no more. One group of copies in each case.
    PITWALL_DEVICE void copy(uint32_t column_tile) const {
        if (column_tile < tiles_) {
            const uint32_t stage = column_tile % kStages;
            copy_weights<kValueBytes<typename Shape::Tile>>(args_.matrix.values, column_tile,
                                                            values_ + stage * Shape::kValues);
            if constexpr (Shape::kScales > 0)
                copy_weights<kScaleBytes<typename Shape::Tile>>(args_.matrix.scales, column_tile,
                                                                scales_ + stage * Shape::kScales);
            copy_tokens(column_tile, tokens_ + stage * Shape::kActivations);
        }
        commit_copies();
    }
    PITWALL_DEVICE typename Shape::Tile weights(uint32_t column_tile, uint32_t row_tile) const {
        const uint32_t tile = column_tile % kStages * kBlockRowTiles + row_tile;
        typename Shape::Tile out;
        out.template load<FromShared>(
            values_ + tile * kValueBytes<typename Shape::Tile> + lane_values(),
            scales_ + tile * kScaleBytes<typename Shape::Tile> + lane_scales(Shape::Tile::kFormat));
        return out;
    }
    /// The lane's 8 of 32 columns of token g of the block's tile.
    PITWALL_DEVICE Words4 tokens(uint32_t column_tile, uint32_t k32, uint32_t token_tile) const {
        const uint32_t token = token_tile * kTokenTile + lane() / 4, vector = k32 * 4 + lane() % 4;
        return FromShared::load(tokens_ + column_tile % kStages * Shape::kActivations +
                                token_place(token, vector));
    }

  private:
    /// `kBytes` of each of the block's tiles.
    template <uint32_t kBytes>
    PITWALL_DEVICE void copy_weights(const std::byte* matrix, uint32_t column_tile, std::byte* stage) const {
        const uint32_t count = row_tiles(args_.matrix.rows), first = block_y() * kBlockRowTiles;
        for (uint32_t i = thread() * kVector; i < kBlockRowTiles * kBytes; i += kThreads * kVector) {
            const uint32_t row_tile = first + i / kBytes;
            const size_t tile = size_t{row_tile} * tiles_ + column_tile;
            copy_async(stage + i, matrix + tile * kBytes + i % kBytes, row_tile < count);
        }
    }
    PITWALL_DEVICE void copy_tokens(uint32_t column_tile, std::byte* stage) const {
        for (uint32_t i = thread(); i < Shape::kBlockTokens * kTokenVectors; i += kThreads) {
            const uint32_t token = i / kTokenVectors, vector = i % kTokenVectors;
            const uint32_t row = block_x() * Shape::kBlockTokens + token;
            const uint16_t* const from =
                args_.x.data + size_t{row} * args_.x.ld + column_tile * kTileColumns + vector * kLaneColumns;
            copy_async(stage + token_place(token, vector), from, row < args_.tokens);
        }
    }

    const MultiplyArgs& args_;
    uint32_t tiles_;
    std::byte *values_, *scales_, *tokens_;
};

/// A tile of columns, for a warp's rows and tokens.
template <class Shape>
PITWALL_DEVICE void multiply_tile(const Stages<Shape>& stages, uint32_t column_tile,
                                  typename Shape::Sums& sums) {
    using Number = typename Shape::Tile::Number;
    typename Shape::Tile tiles[kRowTiles];
#pragma unroll
    for (uint32_t r = 0; r < kRowTiles; ++r)
        tiles[r] = stages.weights(column_tile, warp() / kTokenWarps * kRowTiles + r);
#pragma unroll
    for (uint32_t k32 = 0; k32 < kTileColumns / 32; ++k32) {
        Words4 x[Shape::kTokenTiles];
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n)
            x[n] = stages.tokens(column_tile, k32, warp() % kTokenWarps * Shape::kTokenTiles + n);
#pragma unroll
        for (uint32_t r = 0; r < kRowTiles; ++r) {
            const Rows32 rows = tiles[r].rows(k32);
            uint32_t a[2][4];
            operand_of(rows, 0, a[0]);
            operand_of(rows, 1, a[1]);
#pragma unroll
            for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) mma(sums[r][n], a[0], x[n].x, x[n].y, Number{});
#pragma unroll
            for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) mma(sums[r][n], a[1], x[n].z, x[n].w, Number{});
        }
    }
}

/// A part has ended.
template <class Shape>
PITWALL_DEVICE void add_part(typename Shape::Sums& totals, typename Shape::Sums& part) {
#pragma unroll
    for (uint32_t i = 0; i < kRowTiles * Shape::kTokenTiles * 4; ++i) {
        float& sum = part[i / 4 / Shape::kTokenTiles][i / 4 % Shape::kTokenTiles][i % 4];
        totals[i / 4 / Shape::kTokenTiles][i / 4 % Shape::kTokenTiles][i % 4] += sum;
        sum = 0;
    }
}

template <class Shape>
PITWALL_KERNEL PITWALL_BOUNDS(kThreads, 1) multiply_many_kernel(MultiplyArgs args) {
    SharedMemory shared;
    const Stages<Shape> stages(args, shared);
    typename Shape::Sums totals = {}, sums = {};
    const uint32_t tiles = column_tiles(args.matrix.columns);
    for (uint32_t i = 0; i < kStages - 1; ++i) stages.copy(i);
    uint32_t tile = 0;
    for (uint32_t part = 0; part < part_count(tiles); ++part) {
        for (const uint32_t end = part_begin(part + 1, tiles); tile < end; ++tile) {
            wait_copies<kStages - 2>();
            sync_block();  // and all are done with the stage that is filled next
            stages.copy(tile + kStages - 1);
            multiply_tile<Shape>(stages, tile, sums);
        }
        add_part<Shape>(totals, sums);
    }
    wait_copies<0>();
#pragma unroll
    for (uint32_t r = 0; r < kRowTiles; ++r) {
        const uint32_t row_tile = block_y() * kBlockRowTiles + warp() / kTokenWarps * kRowTiles + r;
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) {
            const uint32_t token_tile = warp() % kTokenWarps * Shape::kTokenTiles + n;
            put_outputs(args, row_tile, block_x() * Shape::kBlockTokens + token_tile * kTokenTile,
                        totals[r][n]);
        }
    }
}

template <class Tile, uint32_t kTokenTiles>
void launch_many(Stream& stream, const MultiplyArgs& args) {
    using Shape = Many<Tile, kTokenTiles>;
    // Blocks of the same rows are neighbours: their weights are read from memory once.
    launch(stream,
           {.x = (args.tokens + Shape::kBlockTokens - 1) / Shape::kBlockTokens,
            .y = (row_tiles(args.matrix.rows) + kBlockRowTiles - 1) / kBlockRowTiles,
            .threads = kThreads,
            .shared_bytes = kStages * (Shape::kValues + Shape::kScales + Shape::kActivations)},
           multiply_many_kernel<Shape>, args);
}

}  // namespace

void multiply_many(Stream& stream, const MultiplyArgs& args) {
    with_tile(args.matrix.format, [&]<class Tile>() {
        const uint32_t over = args.tokens % 128;
        if (over > 0 && over <= 64 && args.tokens < 256) return launch_many<Tile, 4>(stream, args);
        launch_many<Tile, 8>(stream, args);
    });
}

}  // namespace pitwall::cuda
