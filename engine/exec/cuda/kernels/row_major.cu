// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/row_major.h"

#include "engine/exec/cuda/kernels/outputs.h"
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kWarps = 8, kThreads = kWarps * kWarp;

struct UnpackArgs {
    DeviceMatrix matrix;
    uint16_t* out;
};

/// A warp a tile: what a lane holds are 8 neighbours of two rows in each 32 columns, four lanes have 64 bytes of a row.
template <class Tile>
PITWALL_KERNEL unpack_matrix_kernel(UnpackArgs args) {
    begin_kernel();
    const DeviceMatrix& m = args.matrix;
    const uint32_t tiles = column_tiles(m.columns), column_tile = block_x() * kWarps + warp();
    if (column_tile >= tiles) return;
    const size_t index = size_t{block_y()} * tiles + column_tile;
    Tile tile;
    tile.load(m.values + index * kValueBytes<Tile> + lane_values(),
              m.scales + (index * kScaleBytes<Tile> + lane_scales(Tile::kFormat)));
    const uint32_t row = block_y() * kTileRows + lane() / 4, ld = tiles * kTileColumns;
    const uint32_t column = column_tile * kTileColumns + lane() % 4 * kLaneColumns;
    uint16_t* const out = args.out + size_t{row} * ld + column;
#pragma unroll
    for (uint32_t k32 = 0; k32 < kTileColumns / 32; ++k32) {
        const Rows32 rows = tile.rows(k32);
#pragma unroll
        for (uint32_t half = 0; half < 2; ++half) {
            const uint32_t(&words)[4] = rows.words[half];
            *reinterpret_cast<Words4*>(out + size_t{half} * 8 * ld + size_t{k32} * 32) = {words[0], words[1],
                                                                                          words[2], words[3]};
        }
    }
}

struct FinishArgs {
    MultiplyArgs product;
    const float* sums;
    uint32_t ld_sums;
};

PITWALL_DEVICE float row_scale(const DeviceMatrix& matrix, uint32_t row) {
    return has_row_scales(matrix.format) ? matrix.row_scales[row] : 1.0f;
}

PITWALL_KERNEL finish_product_kernel(FinishArgs args) {
    begin_kernel();
    const MultiplyArgs& product = args.product;
    const bool gated = product.epilogue == Epilogue::kSwiglu;
    const uint32_t column = block_x() * threads() + thread(), token = block_y();
    if (column >= (gated ? product.matrix.rows / 2 : product.matrix.rows)) return;
    const float* const sums = args.sums + size_t{token} * args.ld_sums;
    const float scale = product.x.scales[token];
    const auto sum = [&](uint32_t row) { return sums[row] * scale * row_scale(product.matrix, row); };
    if (!gated) return put_output(product, token, column, sum(column));
    constexpr uint32_t kTurn = kTileRows / 2;
    const uint32_t gate = column / kTurn * kTileRows + column % kTurn;
    put_output(product, token, column, silu(sum(gate)) * sum(gate + kTurn));
}

}  // namespace

void unpack_matrix(Stream& stream, const DeviceMatrix& matrix, uint16_t* out) {
    const uint32_t tiles = column_tiles(matrix.columns);
    with_tile(matrix.format, [&]<class Tile>() {
        launch(stream,
               {.kernel = "unpack_matrix",
                .x = (tiles + kWarps - 1) / kWarps,
                .y = row_tiles(matrix.rows),
                .threads = kThreads},
               unpack_matrix_kernel<Tile>, {matrix, out});
    });
}

void finish_product(Stream& stream, const MultiplyArgs& args, const float* sums) {
    const uint32_t columns = args.epilogue == Epilogue::kSwiglu ? args.matrix.rows / 2 : args.matrix.rows;
    launch(stream,
           {.kernel = "finish_product",
            .x = (columns + kThreads - 1) / kThreads,
            .y = args.tokens,
            .threads = kThreads},
           finish_product_kernel, {args, sums, stored_rows(args.matrix)});
}

}  // namespace pitwall::cuda
