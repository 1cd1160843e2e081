// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with many tokens: as fast as the matrix units can be fed. A block has 128 rows and 64 or 128 tokens; its 8 warps share
// weights and activations through shared memory, where copies arrive some tiles of columns ahead of their use. Quantized
// weights stay codes until they are in registers: what that costs hides behind the matrix units, and no memory has to be
// written. Sums are kept for each part of the columns and then added up, so that the bits are those of multiply_few().
#include <algorithm>

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
    static constexpr uint32_t kBlocks =
        kTokens <= 4 && !has_numbers(Tile::kFormat) ? 2 : 1;  ///< of a multiprocessor
    /// Bytes of a stage.
    static constexpr uint32_t kValues = kBlockRowTiles * kValueBytes<Tile>,
                              kScales = kBlockRowTiles * kScaleBytes<Tile>,
                              kActivations = kBlockTokens * kTokenVectors * kVector;
    static constexpr uint32_t kSharedBytes = kStages * (kValues + kScales + kActivations);
    using Sums = float[kRowTiles][kTokens][4];
};

/// Where 16 bytes of a token lie in a stage: those of odd tokens with their halves swapped, so that the 8 lanes that read at a
/// time, of two tokens, ask different banks.
PITWALL_DEVICE uint32_t token_place(uint32_t token, uint32_t vector) {
    return (token * kTokenVectors + (vector ^ (token % 2 * (kTokenVectors / 2)))) * kVector;
}

/// What a thread copies of a block's tiles of `kBytes` each. Past the end of the rows it is the last ones once more, and so for
/// tokens: nobody looks at their sums.
template <uint32_t kBytes>
class WeightCopies {
  public:
    PITWALL_DEVICE WeightCopies(const std::byte* matrix, uint32_t count, uint32_t tiles) {
#pragma unroll
        for (uint32_t i = 0; i < kCopies; ++i) {
            const uint32_t row_tile = block_y() * kBlockRowTiles + place(i) / kBytes;
            const uint32_t last = count - 1;
            from_[i] =
                matrix + size_t{row_tile < last ? row_tile : last} * tiles * kBytes + place(i) % kBytes;
        }
    }
    PITWALL_DEVICE void copy(uint32_t column_tile, std::byte* stage) const {
#pragma unroll
        for (uint32_t i = 0; i < kCopies; ++i)
            if (kAll || place(i) < kBlockBytes)
                copy_async(stage + place(i), from_[i] + size_t{column_tile} * kBytes);
    }

  private:
    static constexpr uint32_t kBlockBytes = kBlockRowTiles * kBytes, kRoundBytes = kThreads * kVector;
    static constexpr uint32_t kCopies = (kBlockBytes + kRoundBytes - 1) / kRoundBytes;
    static constexpr bool kAll = kBlockBytes % kRoundBytes == 0;
    PITWALL_DEVICE static uint32_t place(uint32_t i) { return i * kRoundBytes + thread() * kVector; }

    const std::byte* from_[kCopies];
};
template <>
class WeightCopies<0> {
  public:
    PITWALL_DEVICE WeightCopies(const std::byte*, uint32_t, uint32_t) {}
    PITWALL_DEVICE void copy(uint32_t, std::byte*) const {}
};

/// And of its tokens.
template <class Shape>
class TokenCopies {
  public:
    PITWALL_DEVICE TokenCopies(const MultiplyArgs& args) : from_(args.x.data + vector() * kLaneColumns) {
#pragma unroll
        for (uint32_t i = 0; i < kCopies; ++i) {
            const uint32_t token = block_x() * Shape::kBlockTokens + token_of(i), last = args.tokens - 1;
            offsets_[i] = (token < last ? token : last) * args.x.ld;
        }
    }
    PITWALL_DEVICE void copy(uint32_t column_tile, std::byte* stage) const {
        const uint16_t* const from = from_ + column_tile * kTileColumns;
#pragma unroll
        for (uint32_t i = 0; i < kCopies; ++i)
            copy_async(stage + token_place(token_of(i), vector()), from + offsets_[i]);
    }

  private:
    static constexpr uint32_t kRoundTokens = kThreads / kTokenVectors,
                              kCopies = Shape::kBlockTokens / kRoundTokens;
    PITWALL_DEVICE static uint32_t vector() { return thread() % kTokenVectors; }
    PITWALL_DEVICE static uint32_t token_of(uint32_t i) {
        return i * kRoundTokens + thread() / kTokenVectors;
    }

    const uint16_t* from_;
    uint32_t offsets_[kCopies];
};

/// A block's share of the operands, a tile of columns in each stage.
template <class Shape>
class Stages {
  public:
    PITWALL_DEVICE Stages(const MultiplyArgs& args, SharedMemory& shared)
        : tiles_(column_tiles(args.matrix.columns)),
          value_copies_(args.matrix.values, row_tiles(args.matrix.rows), tiles_),
          scale_copies_(args.matrix.scales, row_tiles(args.matrix.rows), tiles_),
          token_copies_(args),
          values_(shared.take<std::byte>(kStages * Shape::kValues)),
          scales_(shared.take<std::byte>(kStages * Shape::kScales)),
          tokens_(shared.take<std::byte>(kStages * Shape::kActivations)) {}

    /// Asks for a tile of columns; for none where there are no more. One group of copies in each case.
    PITWALL_DEVICE void copy(uint32_t column_tile) const {
        if (column_tile < tiles_) {
            const uint32_t stage = column_tile % kStages;
            value_copies_.copy(column_tile, values_ + stage * Shape::kValues);
            scale_copies_.copy(column_tile, scales_ + stage * Shape::kScales);
            token_copies_.copy(column_tile, tokens_ + stage * Shape::kActivations);
        }
        commit_copies();
    }
    PITWALL_DEVICE typename Shape::Tile weights(uint32_t column_tile, uint32_t row_tile) const {
        const uint32_t tile = column_tile % kStages * kBlockRowTiles + row_tile;
        typename Shape::Tile out;
        out.load(values_ + tile * kValueBytes<typename Shape::Tile> + lane_values(),
                 scales_ + tile * kScaleBytes<typename Shape::Tile> + lane_scales(Shape::Tile::kFormat));
        return out;
    }
    /// The lane's 8 of 32 columns of token g of a tile of tokens.
    PITWALL_DEVICE Words4 tokens(uint32_t column_tile, uint32_t k32, uint32_t token_tile) const {
        const uint32_t token = token_tile * kTokenTile + lane() / 4, vector = k32 * 4 + lane() % 4;
        return load_shared(tokens_ + column_tile % kStages * Shape::kActivations +
                           token_place(token, vector));
    }

  private:
    uint32_t tiles_;
    WeightCopies<kValueBytes<typename Shape::Tile>> value_copies_;
    WeightCopies<kScaleBytes<typename Shape::Tile>> scale_copies_;
    TokenCopies<Shape> token_copies_;
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
PITWALL_KERNEL PITWALL_BOUNDS(kThreads, Shape::kBlocks) multiply_many_kernel(MultiplyArgs args) {
    begin_kernel();
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
            put_outputs<Shape::Tile::kFormat>(
                args, row_tile, block_x() * Shape::kBlockTokens + token_tile * kTokenTile, totals[r][n]);
        }
    }
}

template <class Tile, uint32_t kTokenTiles>
void launch_many(Stream& stream, const MultiplyArgs& args) {
    using Shape = Many<Tile, kTokenTiles>;
    // Blocks of the same rows are neighbours: their weights are read from memory once.
    launch(stream,
           {.kernel = "multiply_many",
            .x = divide_up(args.tokens, Shape::kBlockTokens),
            .y = divide_up(row_tiles(args.matrix.rows), kBlockRowTiles),
            .threads = kThreads,
            .shared_bytes = Shape::kSharedBytes},
           multiply_many_kernel<Shape>, args);
}

/// With so many tiles of tokens in a warp: with fewer, there is more unpacking and reading of shared memory to each mma.
double clocks_of(const DeviceMatrix& matrix, uint32_t tokens, uint32_t token_tiles) {
    const uint32_t block_tokens = token_tiles * kTokenWarps * kTokenTile, tiles = row_tiles(matrix.rows);
    const uint32_t blocks = divide_up(tiles, kBlockRowTiles) * divide_up(tokens, block_tokens);
    const double weight_bytes = tile_value_bytes(matrix.format) + tile_scale_bytes(matrix.format);
    const double token_bytes = std::min(tokens, block_tokens) * kTileColumns * sizeof(uint16_t);
    const double bytes = kBlockRowTiles * weight_bytes + token_bytes;
    const double reading = weight_bytes * tiles / kMultiprocessors / kMemoryBytesPerClock;
    const double together = bytes * blocks / kMultiprocessors / kCacheBytesPerClock;
    constexpr double kWithFewTokens = 0.75;
    const double rate = token_tiles < 8 ? kWithFewTokens * kMmaPerClock : kMmaPerClock;
    const uint32_t products = kTileColumns / 16 * kBlockRowTiles * (block_tokens / kTokenTile);
    return std::max({reading, together, divide_up(blocks, kMultiprocessors) * products / rate});
}

/// Four tiles of tokens in a warp fit every device that there is code for, eight not those with 99 KiB a block.
bool eight_fit(MatrixFormat format) {
    uint32_t bytes = 0;
    with_tile(format, [&]<class Tile>() { bytes = Many<Tile, 8>::kSharedBytes; });
    return bytes <= max_shared_bytes();
}

struct Choice {
    bool eight;
    double clocks;
};
Choice best_of(const DeviceMatrix& matrix, uint32_t tokens) {
    const double four = clocks_of(matrix, tokens, 4), eight = clocks_of(matrix, tokens, 8);
    if (four < eight || !eight_fit(matrix.format)) return {false, four};
    return {true, eight};
}

}  // namespace

double many_clocks(const DeviceMatrix& matrix, uint32_t tokens) { return best_of(matrix, tokens).clocks; }

void multiply_many(Stream& stream, const MultiplyArgs& args) {
    const bool eight = best_of(args.matrix, args.tokens).eight;
    with_tile(args.matrix.format, [&]<class Tile>() {
        eight ? launch_many<Tile, 8>(stream, args) : launch_many<Tile, 4>(stream, args);
    });
}

}  // namespace pitwall::cuda
