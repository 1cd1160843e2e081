// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with few tokens: as fast as the weights can be read. A block has 8 to 64 tokens, and walks over the matrix some
// tiles of 16 rows at a time; each of its warps has one part of the columns. Weights are copied into shared memory
// ahead of their use, also those of the next rows, so that memory is busy while sums are merged; were they loaded into
// registers, the compiler would put the loads where it likes. Activations come from the caches.
#include <algorithm>

#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/outputs.h"
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kTokenTile = 8;  ///< of one mma
constexpr uint32_t kSteps = 2;      ///< of 32 columns in a tile

/// Tiles along the columns that a warp walks together.
constexpr uint32_t group_tiles(uint32_t tile_bytes) { return tile_bytes <= 2048 ? 4 : 2; }

/// Shared memory of a block: for the sums of so many tiles (cells) by each warp, and for the warps' weights.
constexpr uint32_t few_shared_bytes(uint32_t threads, uint32_t cells, uint32_t warp_bytes) {
    return threads * cells * static_cast<uint32_t>(sizeof(Words4)) + threads / kWarp * warp_bytes;
}

/// What one instantiation is made for, and how far ahead of their use it loads.
template <class TileType, uint32_t kRows, uint32_t kTokens>
struct Few {
    using Tile = TileType;
    static constexpr uint32_t kRowTiles = kRows, kTokenTiles = kTokens, kCells = kRows * kTokens;
    static constexpr uint32_t kTileBytes = kRows * (kValueBytes<Tile> + kScaleBytes<Tile>);
    /// Tiles along the columns that are walked together; each is asked for as soon as that of the group before has been read.
    static constexpr uint32_t kGroup = group_tiles(kTileBytes);
    static constexpr uint32_t kGroupSteps = kSteps * kGroup;
    /// Shared memory of a warp: a group of tiles, [tile][row tile]{values, scales}.
    static constexpr uint32_t kWarpBytes = kGroup * kTileBytes;
    /// Steps of activations loaded ahead.
    static constexpr uint32_t kTokenSteps = kTokens <= 4 ? 2 : 1;
    /// Blocks of a multiprocessor.
    static constexpr uint32_t kBlocks = kCells == 1 ? 3 : kCells == 2 ? 2 : 1;
    /// Whether groups without gaps have code of their own: for more sums it would take more registers than there are.
    static constexpr bool kFullGroups = kTokens == 1;

    using Sums = float[kRows][kTokens][4];
    using Activations = Words4[kTokenSteps][kTokens];
};

/// A warp's columns.
struct Part {
    uint32_t begin, tiles;
};
PITWALL_DEVICE Part part_of_warp(uint32_t columns) {
    const uint32_t tiles = column_tiles(columns), begin = part_begin(warp(), tiles);
    return {begin, part_begin(warp() + 1, tiles) - begin};
}

/// Where a warp copies weights from: a group of its part, in rows that are the block's turn. A lane copies the codes that it
/// will read itself; scales, which several lanes read, are copied by the first lanes, 16 bytes each.
template <class Shape>
class WeightCursor {
  public:
    PITWALL_DEVICE WeightCursor(const DeviceMatrix& matrix, const Part& part, std::byte* shared)
        : matrix_(matrix), part_(part), shared_(shared), row_block_(block_x()) {
        begin_rows();
    }
    PITWALL_DEVICE uint32_t left() const { return left_; }
    /// Tile `i` of the group, a group of copies.
    PITWALL_DEVICE void copy(uint32_t i, bool valid) const {
        if (valid) {
#pragma unroll
            for (uint32_t r = 0; r < Shape::kRowTiles; ++r) {
                std::byte* const to = place(i, r);
#pragma unroll
                for (uint32_t j = 0; j < kBytes; j += kLoadBytes)
                    copy_async(to + j + lane_values(), values_[r] + i * kBytes + j);
                if constexpr (kOfScales > 0)
                    if (lane() < kOfScales / 16)
                        copy_async(to + kBytes + lane_values(), scales_[r] + i * kOfScales);
            }
        }
        commit_copies();
    }
    /// Of the group before, as soon as it has arrived.
    PITWALL_DEVICE typename Shape::Tile tile(uint32_t i, uint32_t r) const {
        typename Shape::Tile out;
        out.load(place(i, r) + lane_values(), place(i, r) + kBytes + lane_scales(Shape::Tile::kFormat));
        return out;
    }
    PITWALL_DEVICE void advance() {
        if (left_ <= Shape::kGroup) {
            row_block_ += blocks_x();
            return begin_rows();
        }
        left_ -= Shape::kGroup;
#pragma unroll
        for (uint32_t r = 0; r < Shape::kRowTiles; ++r) {
            values_[r] += Shape::kGroup * kBytes;
            scales_[r] += Shape::kGroup * kOfScales;
        }
    }

  private:
    static constexpr uint32_t kBytes = kValueBytes<typename Shape::Tile>,
                              kOfScales = kScaleBytes<typename Shape::Tile>, kLoadBytes = 16 * kWarp;

    PITWALL_DEVICE std::byte* place(uint32_t i, uint32_t r) const {
        return shared_ + (i * Shape::kRowTiles + r) * (kBytes + kOfScales);
    }
    /// Rows past the end are the last ones once more; nobody looks at their sums.
    PITWALL_DEVICE void begin_rows() {
        const uint32_t count = row_tiles(matrix_.rows), first = row_block_ * Shape::kRowTiles;
        left_ = first < count ? part_.tiles : 0;
#pragma unroll
        for (uint32_t r = 0; r < Shape::kRowTiles; ++r) {
            const uint32_t row_tile = first + r < count ? first + r : count - 1;
            const size_t tile = size_t{row_tile} * column_tiles(matrix_.columns) + part_.begin;
            values_[r] = matrix_.values + tile * kBytes + lane_values();
            if constexpr (kOfScales > 0) scales_[r] = matrix_.scales + (tile * kOfScales + lane_values());
        }
    }

    const DeviceMatrix& matrix_;
    Part part_;
    std::byte* shared_;
    uint32_t row_block_, left_;
    const std::byte *values_[Shape::kRowTiles], *scales_[Shape::kRowTiles];
};

/// Where a warp loads activations: a group of its part, again from its beginning when it has ended.
template <class Shape>
class TokenCursor {
  public:
    PITWALL_DEVICE TokenCursor(const MultiplyArgs& args, const Part& part)
        : part_tiles_(part.tiles),
          begin_(args.x.data + part.begin * kTileColumns + lane() % 4 * kLaneColumns),
          at_(begin_),
          left_(part.tiles) {
        // Tokens past the end are the last one once more; nobody looks at their sums.
        const uint32_t first = block_y() * kTokenTile * Shape::kTokenTiles + lane() / 4;
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) {
            const uint32_t token = first + n * kTokenTile;
            offsets_[n] = (token < args.tokens ? token : args.tokens - 1) * args.x.ld;
        }
    }
    PITWALL_DEVICE uint32_t left() const { return left_; }
    PITWALL_DEVICE void load(uint32_t step, Words4 (&out)[Shape::kTokenTiles]) const {
#pragma unroll
        for (uint32_t n = 0; n < Shape::kTokenTiles; ++n) out[n] = load16(at_ + offsets_[n] + step * 32);
    }
    PITWALL_DEVICE TokenCursor after() const {
        TokenCursor next = *this;
        const bool wraps = left_ <= Shape::kGroup;
        next.left_ = wraps ? part_tiles_ : left_ - Shape::kGroup;
        next.at_ = wraps ? begin_ : at_ + Shape::kGroup * kTileColumns;
        return next;
    }

  private:
    uint32_t part_tiles_;
    const uint16_t *begin_, *at_;
    uint32_t left_;
    uint32_t offsets_[Shape::kTokenTiles];
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

/// The group at `now`, whose weights and first steps of activations are there or on their way. The weights of the group at
/// `ahead` are asked for, and the next steps of activations. kFull: both have all their tiles.
template <class Shape, bool kFull>
PITWALL_DEVICE void multiply_group(const TokenCursor<Shape>& now, const TokenCursor<Shape>& next,
                                   const WeightCursor<Shape>& ahead, typename Shape::Activations& tokens,
                                   typename Shape::Sums& sums) {
#pragma unroll
    for (uint32_t i = 0; i < Shape::kGroup; ++i) {
        wait_copies<Shape::kGroup - 1>();
        if constexpr (tile_scale_bytes(Shape::Tile::kFormat) > 0) sync_warp();  // scales have come for all
        typename Shape::Tile tiles[Shape::kRowTiles];
        if (kFull || i < now.left())
#pragma unroll
            for (uint32_t r = 0; r < Shape::kRowTiles; ++r) tiles[r] = ahead.tile(i, r);
        sync_warp();  // scales are read by all that share them
        ahead.copy(i, kFull || i < ahead.left());
#pragma unroll
        for (uint32_t k32 = 0; k32 < kSteps; ++k32) {
            const uint32_t step = kSteps * i + k32, later = step + Shape::kTokenSteps;
            Words4(&x)[Shape::kTokenTiles] = tokens[step % Shape::kTokenSteps];
            if (kFull || i < now.left()) multiply_step<Shape>(tiles, k32, x, sums);
            if (later < Shape::kGroupSteps) {
                if (kFull || later / kSteps < now.left()) now.load(later, x);
            } else {
                const uint32_t first = later - Shape::kGroupSteps;
                if (kFull || first / kSteps < next.left()) next.load(first, x);
            }
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
        put_outputs<Shape::Tile::kFormat>(args, row_block * Shape::kRowTiles + row_tile,
                                          (block_y() * Shape::kTokenTiles + token_tile) * kTokenTile, total);
    }
}

template <class Shape>
PITWALL_KERNEL PITWALL_BOUNDS(kMostParts* kWarp, Shape::kBlocks) multiply_few_kernel(MultiplyArgs args) {
    begin_kernel();
    SharedMemory shared;
    float* const all = shared.take<float>(threads() * Shape::kCells * 4);
    std::byte* const weights = shared.take<std::byte>(threads() / kWarp * Shape::kWarpBytes);
    const Part part = part_of_warp(args.matrix.columns);
    WeightCursor<Shape> ahead(args.matrix, part, weights + warp() * Shape::kWarpBytes);
    TokenCursor<Shape> now(args, part);
    typename Shape::Activations tokens = {};
#pragma unroll
    for (uint32_t i = 0; i < Shape::kGroup; ++i) ahead.copy(i, i < ahead.left());
#pragma unroll
    for (uint32_t i = 0; i < Shape::kTokenSteps; ++i)
        if (i / kSteps < now.left()) now.load(i, tokens[i]);
    const uint32_t row_blocks = (row_tiles(args.matrix.rows) + Shape::kRowTiles - 1) / Shape::kRowTiles;
    for (uint32_t row_block = block_x(); row_block < row_blocks; row_block += blocks_x()) {
        typename Shape::Sums sums = {};
        for (uint32_t done = 0; done < part.tiles; done += Shape::kGroup) {
            const TokenCursor<Shape> next = now.after();
            ahead.advance();
            const uint32_t least = now.left() < next.left() ? now.left() : next.left();
            if (Shape::kFullGroups && least >= Shape::kGroup && ahead.left() >= Shape::kGroup)
                multiply_group<Shape, Shape::kFullGroups>(now, next, ahead, tokens, sums);
            else
                multiply_group<Shape, false>(now, next, ahead, tokens, sums);
            now = next;
        }
        merge_parts<Shape>(args, row_block, sums, all);
    }
    wait_copies<0>();
}

template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
void launch_few(Stream& stream, const MultiplyArgs& args) {
    using Shape = Few<Tile, kRowTiles, kTokenTiles>;
    const uint32_t threads = part_count(column_tiles(args.matrix.columns)) * kWarp;
    const uint32_t row_blocks = divide_up(row_tiles(args.matrix.rows), kRowTiles);
    const uint32_t at_once = kMultiprocessors * Shape::kBlocks;
    launch(stream,
           {.kernel = "multiply_few",
            .x = std::min(row_blocks, at_once),
            .y = divide_up(args.tokens, kTokenTiles * kTokenTile),
            .threads = threads,
            .shared_bytes = few_shared_bytes(threads, Shape::kCells, Shape::kWarpBytes)},
           multiply_few_kernel<Shape>, args);
}

/// A block's shape, in tiles.
struct BlockShape {
    uint32_t rows, tokens;
    double clocks;
};

/// Each block reads its tokens once more, out of the second-level cache: what more rows in a block save. But fewer blocks may
/// leave multiprocessors idle.
double clocks_of(const DeviceMatrix& matrix, uint32_t tokens, uint32_t rows, uint32_t token_tiles) {
    const uint32_t tokens_in_block = std::min(tokens, token_tiles * kTokenTile);
    const double weight_bytes = tile_value_bytes(matrix.format) + tile_scale_bytes(matrix.format);
    const double bytes = rows * weight_bytes + tokens_in_block * kTileColumns * sizeof(uint16_t);
    const uint32_t blocks =
        divide_up(row_tiles(matrix.rows), rows) * divide_up(tokens, token_tiles * kTokenTile);
    const double alone = bytes * divide_up(blocks, kMultiprocessors) / (2 * kCacheBytesPerClock);
    const double together = bytes * blocks / kMultiprocessors / kCacheBytesPerClock;
    const double reading = weight_bytes * row_tiles(matrix.rows) / kMultiprocessors / kMemoryBytesPerClock;
    const double multiplying = 2.0 * kSteps * rows * token_tiles * blocks / kMultiprocessors / kMmaPerClock;
    return std::max({reading, alone, together, multiplying});
}

bool fits(const DeviceMatrix& matrix, uint32_t rows, uint32_t token_tiles) {
    const uint32_t tile_bytes = rows * (tile_value_bytes(matrix.format) + tile_scale_bytes(matrix.format));
    const uint32_t threads = part_count(column_tiles(matrix.columns)) * kWarp;
    return few_shared_bytes(threads, rows * token_tiles, group_tiles(tile_bytes) * tile_bytes) <=
           max_shared_bytes();
}

/// One row of tiles fits every device that there is code for.
BlockShape best_shape(const DeviceMatrix& matrix, uint32_t tokens) {
    const uint32_t token_tiles = tokens <= 8 ? 1 : tokens <= 16 ? 2 : tokens <= 32 ? 4 : 8;
    // Four rows of 16-bit numbers in flight leave no registers for sums; nor do four with 64 tokens.
    const bool four = (token_tiles == 2 || token_tiles == 4) && !has_numbers(matrix.format);
    BlockShape best{1, token_tiles, clocks_of(matrix, tokens, 1, token_tiles)};
    for (uint32_t rows = 2; rows <= (four ? 4 : 2); rows *= 2) {
        const double clocks = clocks_of(matrix, tokens, rows, token_tiles);
        if (clocks < best.clocks && fits(matrix, rows, token_tiles)) best = {rows, token_tiles, clocks};
    }
    return best;
}

template <class Tile, uint32_t kTokenTiles>
void launch_rows(Stream& stream, const MultiplyArgs& args, uint32_t rows) {
    if constexpr ((kTokenTiles == 2 || kTokenTiles == 4) && !has_numbers(Tile::kFormat))
        if (rows == 4) return launch_few<Tile, 4, kTokenTiles>(stream, args);
    if (rows == 2) return launch_few<Tile, 2, kTokenTiles>(stream, args);
    launch_few<Tile, 1, kTokenTiles>(stream, args);
}

}  // namespace

double few_clocks(const DeviceMatrix& matrix, uint32_t tokens) { return best_shape(matrix, tokens).clocks; }

void multiply_few(Stream& stream, const MultiplyArgs& args) {
    const BlockShape shape = best_shape(args.matrix, args.tokens);
    with_tile(args.matrix.format, [&]<class Tile>() {
        if (shape.tokens == 1) return launch_rows<Tile, 1>(stream, args, shape.rows);
        if (shape.tokens == 2) return launch_rows<Tile, 2>(stream, args, shape.rows);
        if (shape.tokens == 4) return launch_rows<Tile, 4>(stream, args, shape.rows);
        launch_rows<Tile, 8>(stream, args, shape.rows);
    });
}

}  // namespace pitwall::cuda
