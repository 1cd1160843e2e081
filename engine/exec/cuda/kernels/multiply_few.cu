// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with few tokens: as fast as the weights can be read. A block has 8 to 64 tokens, and walks over the matrix some
// tiles of 16 rows at a time; each of its warps has one part of the columns. Weights go from memory to registers, each read
// once; activations come from the caches. Loads are issued ahead of their use, also into the next rows, so that memory is busy
// while sums are merged.
#include <algorithm>

#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/outputs.h"
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kTokenTile = 8;  ///< of one mma
constexpr uint32_t kSteps = 2;      ///< of 32 columns in a tile

/// What one instantiation is made for, and how far ahead of their use it loads within the registers that 8 warps have.
template <class TileType, uint32_t kRows, uint32_t kTokens>
struct Few {
    using Tile = TileType;
    static constexpr uint32_t kRowTiles = kRows, kTokenTiles = kTokens;
    static constexpr uint32_t kInFlight = kValueBytes<Tile> > 1024 ? 2 : 4;  ///< tiles of a warp
    /// Tiles along the columns, walked and loaded as a group.
    static constexpr uint32_t kGroup = kInFlight > kRows ? kInFlight / kRows : 1;
    static constexpr uint32_t kGroupSteps = kSteps * kGroup;
    static constexpr uint32_t kWanted = kTokens == 1 ? 4 : kTokens <= 4 ? 2 : 1;
    /// Steps of activations loaded ahead.
    static constexpr uint32_t kTokenSteps = kWanted < kGroupSteps ? kWanted : kGroupSteps;
    static constexpr uint32_t kCells = kRows * kTokens;

    using Sums = float[kRows][kTokens][4];
    using Weights = Tile[kGroup][kRows];
    using Activations = Words4[kTokenSteps][kTokens];
};

/// A group of tiles of a warp's part: where a warp is, or will be next.
template <uint32_t kRowTiles>
struct Group {
    uint32_t row_block;          ///< of kRowTiles tiles
    uint32_t column_tile, left;  ///< of the part from column_tile on
    uint32_t index[kRowTiles];   ///< tiles before it in the matrix, for each row of tiles
};

/// What a warp reads, by groups.
template <class Shape>
class Reader {
  public:
    using At = Group<Shape::kRowTiles>;

    PITWALL_DEVICE Reader(const MultiplyArgs& args)
        : values_(args.matrix.values + lane_values()),
          scales_(args.matrix.scales + lane_scales(Shape::Tile::kFormat)),
          tokens_(args.x.data + lane() % 4 * kLaneColumns),
          row_tiles_(row_tiles(args.matrix.rows)),
          tiles_(column_tiles(args.matrix.columns)) {
        // Tokens past the end are the last one once more, and so are rows: nobody looks at their sums.
        const uint32_t first = block_y() * kTokenTile * Shape::kTokenTiles + lane() / 4;
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) {
            const uint32_t token = first + n * kTokenTile;
            token_offsets_[n] = (token < args.tokens ? token : args.tokens - 1) * args.x.ld;
        }
    }

    PITWALL_DEVICE At begin(uint32_t row_block) const {
        At at;
        at.row_block = row_block;
        at.column_tile = part_begin(warp(), tiles_);
        const uint32_t first = row_block * Shape::kRowTiles;
        at.left = first < row_tiles_ ? part_begin(warp() + 1, tiles_) - at.column_tile : 0;
#pragma unroll
        for (uint32_t r = 0; r < Shape::kRowTiles; ++r) {
            const uint32_t row_tile = first + r < row_tiles_ ? first + r : row_tiles_ - 1;
            at.index[r] = row_tile * tiles_ + at.column_tile;
        }
        return at;
    }
    PITWALL_DEVICE At after(const At& at) const {
        if (at.left <= Shape::kGroup) return begin(at.row_block + blocks_x());
        At next = at;
        next.column_tile += Shape::kGroup;
        next.left -= Shape::kGroup;
#pragma unroll
        for (uint32_t& index : next.index) index += Shape::kGroup;
        return next;
    }

    PITWALL_DEVICE void load_weights(const At& at, uint32_t i, typename Shape::Weights& out) const {
        using Tile = typename Shape::Tile;
        if (i >= at.left) return;
#pragma unroll
        for (uint32_t r = 0; r < Shape::kRowTiles; ++r)
            out[i][r].template load<FromGlobalOnce>(
                values_ + size_t{at.index[r]} * kValueBytes<Tile> + i * kValueBytes<Tile>,
                scales_ + size_t{at.index[r]} * kScaleBytes<Tile> + i * kScaleBytes<Tile>);
    }
    /// Step `step` of the group.
    PITWALL_DEVICE void load_tokens(const At& at, uint32_t step, typename Shape::Activations& out) const {
        if (step / kSteps >= at.left) return;
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n)
            out[step % Shape::kTokenSteps][n] =
                load16(tokens_ + (token_offsets_[n] + at.column_tile * kTileColumns) + step * 32);
    }

  private:
    const std::byte *values_, *scales_;
    const uint16_t* tokens_;
    uint32_t row_tiles_, tiles_;
    uint32_t token_offsets_[Shape::kTokenTiles];
};

/// 32 columns of all rows and tokens.
template <class Shape>
PITWALL_DEVICE void multiply_step(const typename Shape::Tile (&tiles)[Shape::kRowTiles], uint32_t k32,
                                  const Words4 (&tokens)[Shape::kTokenTiles], typename Shape::Sums& sums) {
    using Number = typename Shape::Tile::Number;
#pragma unroll
    for (uint32_t r = 0; r < Shape::kRowTiles; ++r) {
        const Rows32 rows = tiles[r].rows(k32);
        uint32_t a[2][4];
        operand_of(rows, 0, a[0]);
        operand_of(rows, 1, a[1]);
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n)
            mma(sums[r][n], a[0], tokens[n].x, tokens[n].y, Number{});
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n)
            mma(sums[r][n], a[1], tokens[n].z, tokens[n].w, Number{});
    }
}

/// The group `now`, whose weights and first steps of activations are there or on their way; those of `next` are asked for.
template <class Shape>
PITWALL_DEVICE void multiply_group(const Reader<Shape>& reader, const Group<Shape::kRowTiles>& now,
                                   const Group<Shape::kRowTiles>& next, typename Shape::Weights& weights,
                                   typename Shape::Activations& tokens, typename Shape::Sums& sums) {
#pragma unroll
    for (uint32_t i = 0; i < Shape::kGroup; ++i) {
        typename Shape::Tile tiles[Shape::kRowTiles];
#pragma unroll
        for (uint32_t r = 0; r < Shape::kRowTiles; ++r) tiles[r] = weights[i][r];
        reader.load_weights(next, i, weights);
#pragma unroll
        for (uint32_t k32 = 0; k32 < kSteps; ++k32) {
            const uint32_t step = kSteps * i + k32, ahead = step + Shape::kTokenSteps;
            if (i < now.left) multiply_step<Shape>(tiles, k32, tokens[step % Shape::kTokenSteps], sums);
            if (ahead < Shape::kGroupSteps)
                reader.load_tokens(now, ahead, tokens);
            else
                reader.load_tokens(next, ahead - Shape::kGroupSteps, tokens);
        }
    }
}

/// The sums of the warps' parts together, in ascending order, to the output. `all`: [part][cell][4 of a lane][lane].
template <class Shape>
PITWALL_DEVICE void merge_parts(const MultiplyArgs& args, uint32_t row_block,
                                const typename Shape::Sums& sums, float* all) {
    constexpr uint32_t kPartFloats = Shape::kCells * 4 * kWarp;
    sync_block();  // the rows before are read
#pragma unroll
    for (uint32_t i = 0; i < Shape::kCells * 4; ++i)
        all[warp() * kPartFloats + i * kWarp + lane()] =
            sums[i / 4 / Shape::kTokenTiles][i / 4 % Shape::kTokenTiles][i % 4];
    sync_block();
    const uint32_t parts = threads() / kWarp;
    for (uint32_t cell = warp(); cell < Shape::kCells; cell += parts) {
        float total[4] = {0, 0, 0, 0};
        for (uint32_t part = 0; part < parts; ++part)
#pragma unroll
            for (uint32_t i = 0; i < 4; ++i)
                total[i] += all[part * kPartFloats + (cell * 4 + i) * kWarp + lane()];
        const uint32_t row_tile = cell / Shape::kTokenTiles, token_tile = cell % Shape::kTokenTiles;
        put_outputs(args, row_block * Shape::kRowTiles + row_tile,
                    (block_y() * Shape::kTokenTiles + token_tile) * kTokenTile, total);
    }
}

template <class Shape>
PITWALL_KERNEL PITWALL_BOUNDS(kMostParts* kWarp, 1) multiply_few_kernel(MultiplyArgs args) {
    SharedMemory shared;
    float* const all = shared.take<float>(threads() * Shape::kCells * 4);
    const Reader<Shape> reader(args);
    typename Shape::Weights weights = {};
    typename Shape::Activations tokens = {};
    typename Shape::Sums sums = {};
    auto now = reader.begin(block_x());
#pragma unroll
    for (uint32_t i = 0; i < Shape::kGroup; ++i) reader.load_weights(now, i, weights);
#pragma unroll
    for (uint32_t i = 0; i < Shape::kTokenSteps; ++i) reader.load_tokens(now, i, tokens);
    while (now.left > 0) {
        const auto next = reader.after(now);
        multiply_group<Shape>(reader, now, next, weights, tokens, sums);
        if (next.row_block != now.row_block) {
            merge_parts<Shape>(args, now.row_block, sums, all);
#pragma unroll
            for (uint32_t i = 0; i < Shape::kCells * 4; ++i)
                sums[i / 4 / Shape::kTokenTiles][i / 4 % Shape::kTokenTiles][i % 4] = 0;
        }
        now = next;
    }
}

/// What the largest devices hold at a time: blocks of 8 warps with up to 128 registers, or more.
constexpr uint32_t kMultiprocessors = 132;
constexpr uint32_t blocks_at_once(uint32_t token_tiles) {
    return kMultiprocessors * (token_tiles <= 2 ? 2 : 1);
}

template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
void launch_few(Stream& stream, const MultiplyArgs& args) {
    using Shape = Few<Tile, kRowTiles, kTokenTiles>;
    const uint32_t threads = part_count(column_tiles(args.matrix.columns)) * kWarp;
    const uint32_t row_blocks = (row_tiles(args.matrix.rows) + kRowTiles - 1) / kRowTiles;
    const uint32_t tokens = kTokenTiles * kTokenTile, most = blocks_at_once(kTokenTiles);
    launch(stream,
           {.x = row_blocks < most ? row_blocks : most,
            .y = (args.tokens + tokens - 1) / tokens,
            .threads = threads,
            .shared_bytes = threads * Shape::kCells * static_cast<uint32_t>(sizeof(Words4))},
           multiply_few_kernel<Shape>, args);
}

/// How long blocks of so many tiles of rows take, in some unit. Each block reads its tokens once more, out of the second-level
/// cache, whose rate is about a quarter above the memory's; and one multiprocessor gets no more than twice its share of it.
template <class Tile>
double cost_of(uint32_t rows_in_block, const MultiplyArgs& args) {
    const uint32_t tiles = row_tiles(args.matrix.rows), blocks = (tiles + rows_in_block - 1) / rows_in_block;
    const uint32_t tokens = args.tokens * kTileColumns * sizeof(uint16_t);
    const double of_block = rows_in_block * (kValueBytes<Tile> + kScaleBytes<Tile>)+tokens;
    const double rounds = (blocks + kMultiprocessors - 1) / kMultiprocessors;
    return std::max(of_block * blocks / kMultiprocessors, of_block * rounds / 2);
}

/// As many rows in a block as cost least.
template <class Tile, uint32_t kTokenTiles>
void choose_rows(Stream& stream, const MultiplyArgs& args) {
    const double one = cost_of<Tile>(1, args), two = cost_of<Tile>(2, args), four = cost_of<Tile>(4, args);
    if constexpr (kTokenTiles == 2 || kTokenTiles == 4)
        if (four < one && four < two) return launch_few<Tile, 4, kTokenTiles>(stream, args);
    if (two < one) return launch_few<Tile, 2, kTokenTiles>(stream, args);
    launch_few<Tile, 1, kTokenTiles>(stream, args);
}

}  // namespace

void multiply_few(Stream& stream, const MultiplyArgs& args) {
    with_tile(args.matrix.format, [&]<class Tile>() {
        if (args.tokens <= 8) return choose_rows<Tile, 1>(stream, args);
        if (args.tokens <= 16) return choose_rows<Tile, 2>(stream, args);
        if (args.tokens <= 32) return choose_rows<Tile, 4>(stream, args);
        choose_rows<Tile, 8>(stream, args);
    });
}

}  // namespace pitwall::cuda
