// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with few tokens: as fast as the weights can be read. A block has some tiles of 16 rows and all tokens, or 8 to 64 of
// them; each of its warps walks through one part of the columns. Weights go from memory to registers, some tiles ahead of
// where they are used, and each is read once; activations come from the caches, 32 columns ahead or more.
#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/outputs.h"
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kTokenTile = 8;  ///< of one mma
constexpr uint32_t kSteps = 2;      ///< of 32 columns in a tile

/// How far ahead of their use loads are issued, within the registers that 8 warps may have.
template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
struct Ahead {
    static constexpr uint32_t kInFlight = Tile::kValueBytes > 1024 ? 2 : 4;  ///< tiles of a warp
    static constexpr uint32_t kTiles = kInFlight > kRowTiles ? kInFlight / kRowTiles : 1;
    static constexpr uint32_t kWanted = kTokenTiles == 1 ? 4 : kTokenTiles <= 4 ? 2 : 1;
    static constexpr uint32_t kTokenSteps = kWanted < kSteps * kTiles ? kWanted : kSteps * kTiles;
};

/// The rows of a block, seen by one of its warps.
template <class Tile, uint32_t kRowTiles>
class WeightStream {
  public:
    PITWALL_DEVICE WeightStream(const DeviceMatrix& matrix, uint32_t first_row_tile)
        : scale_bytes_(tile_scale_bytes(matrix.format)) {
        const uint32_t tiles = column_tiles(matrix.columns),
                       rows_left = row_tiles(matrix.rows) - first_row_tile;
        const size_t first = size_t{first_row_tile} * tiles;
        values_ = matrix.values + first * Tile::kValueBytes;
        scales_ = matrix.scales + first * scale_bytes_;
#pragma unroll
        for (uint32_t r = 0; r < kRowTiles; ++r) offsets_[r] = (r < rows_left ? r : rows_left - 1) * tiles;
    }
    /// Rows past the end are the last ones once more; nobody looks at their sums.
    PITWALL_DEVICE void load(uint32_t column_tile, Tile (&out)[kRowTiles]) const {
#pragma unroll
        for (uint32_t r = 0; r < kRowTiles; ++r) {
            const size_t tile = offsets_[r] + column_tile;
            out[r].template load<FromGlobalOnce>(values_ + tile * Tile::kValueBytes,
                                                 scales_ + tile * scale_bytes_, scale_bytes_);
        }
    }

  private:
    const std::byte *values_, *scales_;
    uint32_t scale_bytes_;
    uint32_t offsets_[kRowTiles];  ///< in tiles
};

/// Tokens as a lane holds them: token 8 n + g, its 8 of 32 columns.
template <uint32_t kTokenTiles>
class TokenStream {
  public:
    PITWALL_DEVICE TokenStream(const MultiplyArgs& args, uint32_t first_token)
        : stride_(kTokenTile * args.x.ld) {
        const uint32_t token = first_token + lane() / 4;
        valid_ = token < args.tokens ? (args.tokens - token + kTokenTile - 1) / kTokenTile : 0;
        data_ = args.x.data + size_t{token} * args.x.ld + lane() % 4 * kLaneColumns;
    }
    /// Tokens past the end are zero.
    PITWALL_DEVICE void load(uint32_t step, Words4 (&out)[kTokenTiles]) const {
#pragma unroll
        for (uint32_t n = 0; n < kTokenTiles; ++n) {
            out[n] = {0, 0, 0, 0};
            if (n < valid_) out[n] = load16(data_ + n * stride_ + step * 32);
        }
    }

  private:
    const uint16_t* data_;
    uint32_t stride_, valid_;
};

/// 32 columns of all rows and tokens.
template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
PITWALL_DEVICE void multiply_step(const Tile (&tiles)[kRowTiles], uint32_t k32,
                                  const Words4 (&tokens)[kTokenTiles],
                                  float (&sums)[kRowTiles][kTokenTiles][4]) {
#pragma unroll
    for (uint32_t r = 0; r < kRowTiles; ++r) {
        const Rows32 rows = tiles[r].rows(k32);
        uint32_t a[2][4];
        operand_of(rows, 0, a[0]);
        operand_of(rows, 1, a[1]);
#pragma unroll
        for (uint32_t n = 0; n < kTokenTiles; ++n)
            mma(sums[r][n], a[0], tokens[n].x, tokens[n].y, typename Tile::Number{});
#pragma unroll
        for (uint32_t n = 0; n < kTokenTiles; ++n)
            mma(sums[r][n], a[1], tokens[n].z, tokens[n].w, typename Tile::Number{});
    }
}

/// A warp's part of the columns.
template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
PITWALL_DEVICE void multiply_part(const WeightStream<Tile, kRowTiles>& weights,
                                  const TokenStream<kTokenTiles>& tokens, uint32_t begin, uint32_t end,
                                  float (&sums)[kRowTiles][kTokenTiles][4]) {
    using Far = Ahead<Tile, kRowTiles, kTokenTiles>;
    Tile tiles[Far::kTiles][kRowTiles];
    Words4 x[Far::kTokenSteps][kTokenTiles];
#pragma unroll
    for (uint32_t i = 0; i < Far::kTiles; ++i)
        if (begin + i < end) weights.load(begin + i, tiles[i]);
#pragma unroll
    for (uint32_t i = 0; i < Far::kTokenSteps; ++i)
        if (kSteps * begin + i < kSteps * end) tokens.load(kSteps * begin + i, x[i]);
    for (uint32_t first = begin; first < end; first += Far::kTiles) {
#pragma unroll
        for (uint32_t i = 0; i < Far::kTiles; ++i) {
            const uint32_t tile = first + i;
            if (tile >= end) break;
            Tile now[kRowTiles];
#pragma unroll
            for (uint32_t r = 0; r < kRowTiles; ++r) now[r] = tiles[i][r];
            if (tile + Far::kTiles < end) weights.load(tile + Far::kTiles, tiles[i]);
#pragma unroll
            for (uint32_t k32 = 0; k32 < kSteps; ++k32) {
                const uint32_t slot = (kSteps * i + k32) % Far::kTokenSteps;
                multiply_step(now, k32, x[slot], sums);
                const uint32_t next = kSteps * tile + k32 + Far::kTokenSteps;
                if (next < kSteps * end) tokens.load(next, x[slot]);
            }
        }
    }
}

constexpr uint32_t few_shared_bytes(uint32_t parts, uint32_t row_tiles, uint32_t token_tiles) {
    return parts * row_tiles * token_tiles * kWarp * static_cast<uint32_t>(sizeof(Words4));
}

template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
PITWALL_KERNEL PITWALL_BOUNDS(kMostParts* kWarp, 1) multiply_few_kernel(MultiplyArgs args) {
    const uint32_t tiles = column_tiles(args.matrix.columns), parts = part_count(tiles);
    const uint32_t first_row_tile = block_x() * kRowTiles, first_token = block_y() * kTokenTile * kTokenTiles;
    float sums[kRowTiles][kTokenTiles][4] = {};
    multiply_part<Tile, kRowTiles, kTokenTiles>({args.matrix, first_row_tile}, {args, first_token},
                                                part_begin(warp(), tiles), part_begin(warp() + 1, tiles),
                                                sums);
    // [part][row tile and token tile][4 of a lane][lane]
    SharedMemory shared;
    constexpr uint32_t kCells = kRowTiles * kTokenTiles;
    float* const all = shared.take<float>(parts * kCells * 4 * kWarp);
#pragma unroll
    for (uint32_t i = 0; i < kCells * 4; ++i)
        all[(warp() * kCells * 4 + i) * kWarp + lane()] =
            sums[i / 4 / kTokenTiles][i / 4 % kTokenTiles][i % 4];
    sync_block();
    for (uint32_t cell = warp(); cell < kCells; cell += parts) {
        float total[4] = {0, 0, 0, 0};
        for (uint32_t part = 0; part < parts; ++part)
            for (uint32_t i = 0; i < 4; ++i)
                total[i] += all[((part * kCells + cell) * 4 + i) * kWarp + lane()];
        put_outputs(args, first_row_tile + cell / kTokenTiles, first_token + cell % kTokenTiles * kTokenTile,
                    total);
    }
}

template <class Tile, uint32_t kRowTiles, uint32_t kTokenTiles>
void launch_few(Stream& stream, const MultiplyArgs& args) {
    const uint32_t parts = part_count(column_tiles(args.matrix.columns));
    const uint32_t tokens = kTokenTiles * kTokenTile;
    launch(stream,
           {.x = (row_tiles(args.matrix.rows) + kRowTiles - 1) / kRowTiles,
            .y = (args.tokens + tokens - 1) / tokens,
            .threads = parts * kWarp,
            .shared_bytes = few_shared_bytes(parts, kRowTiles, kTokenTiles)},
           multiply_few_kernel<Tile, kRowTiles, kTokenTiles>, args);
}

/// Blocks that keep every multiprocessor of the largest devices busy.
constexpr uint32_t kEnoughBlocks = 120;

/// Each block reads its tokens once more, so it takes the more rows the more tokens there are, as long as there are blocks
/// enough.
template <class Tile, uint32_t kTokenTiles>
void choose_rows(Stream& stream, const MultiplyArgs& args) {
    const uint32_t tiles = row_tiles(args.matrix.rows);
    const bool tokens_weigh = args.tokens * sizeof(uint16_t) * kTileColumns > Tile::kValueBytes;
    if constexpr (kTokenTiles == 2 || kTokenTiles == 4)
        if (tokens_weigh && tiles >= 4 * kEnoughBlocks) return launch_few<Tile, 4, kTokenTiles>(stream, args);
    if (tokens_weigh && tiles >= 2 * kEnoughBlocks) return launch_few<Tile, 2, kTokenTiles>(stream, args);
    launch_few<Tile, 1, kTokenTiles>(stream, args);
}

template <class Tile>
void choose_tokens(Stream& stream, const MultiplyArgs& args) {
    if (args.tokens <= 8) return choose_rows<Tile, 1>(stream, args);
    if (args.tokens <= 16) return choose_rows<Tile, 2>(stream, args);
    if (args.tokens <= 32) return choose_rows<Tile, 4>(stream, args);
    choose_rows<Tile, 8>(stream, args);
}

}  // namespace

void multiply_few(Stream& stream, const MultiplyArgs& args) {
    switch (args.matrix.format) {
        case MatrixFormat::kHalf:
            return choose_tokens<NumberTile<Half>>(stream, args);
        case MatrixFormat::kBfloat:
            return choose_tokens<NumberTile<Bfloat>>(stream, args);
        case MatrixFormat::kNibble:
            return choose_tokens<NibbleTile>(stream, args);
        case MatrixFormat::kByte:
        case MatrixFormat::kByte16:
            return choose_tokens<ByteTile>(stream, args);
    }
}

}  // namespace pitwall::cuda
