// SPDX-License-Identifier: GPL-3.0-or-later
//
// What becomes of a product's sums.
#pragma once

#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

PITWALL_DEVICE float silu(float x) {
    constexpr float kLog2E = 1.44269504f;
    return x / (1.0f + exp2_fast(-x * kLog2E));
}

PITWALL_DEVICE void put_output(const MultiplyArgs& args, uint32_t token, uint32_t column, float value) {
    float* const out = args.out + size_t{token} * args.ld_out + column;
    *out = args.epilogue == Epilogue::kAdd ? *out + value : value;
}

/// Scales of the lane's rows g and g + 8 of a tile; those of tiles past the end nobody looks at.
template <MatrixFormat kFormat>
PITWALL_DEVICE Float2 lane_row_scales(const DeviceMatrix& matrix, uint32_t row_tile) {
    if (!has_row_scales(kFormat) || row_tile >= row_tiles(matrix.rows)) return {1, 1};
    const float* const scales = matrix.row_scales + row_tile * kTileRows + lane() / 4;
    return {scales[0], scales[8]};
}

/// A lane's sums of one mma (rows g and g + 8 of the tile, tokens 2 t and 2 t + 1 from `first_token` on) to the output.
template <MatrixFormat kFormat>
PITWALL_DEVICE void put_outputs(const MultiplyArgs& args, uint32_t row_tile, uint32_t first_token,
                                const float (&sums)[4]) {
    const uint32_t g = lane() / 4, row = row_tile * kTileRows + g, rows = args.matrix.rows;
    const Float2 row_scales = lane_row_scales<kFormat>(args.matrix, row_tile);
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i) {
        const uint32_t token = first_token + lane() % 4 * 2 + i;
        if (token >= args.tokens) continue;
        const float scale = args.x.scales[token];
        const float low = sums[i] * scale * row_scales.x, high = sums[2 + i] * scale * row_scales.y;
        if (args.epilogue == Epilogue::kSwiglu) {
            const uint32_t column = row_tile * (kTileRows / 2) + g;
            if (column < rows / 2) put_output(args, token, column, silu(low) * high);
        } else {
            if (row < rows) put_output(args, token, row, low);
            if (row + 8 < rows) put_output(args, token, row + 8, high);
        }
    }
}

}  // namespace pitwall::cuda
