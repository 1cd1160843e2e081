// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/rows.h"

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/kernels/operand_write.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kSharedBytes = kBlockReduceBytes;

PITWALL_KERNEL PITWALL_BOUNDS(kMostRowThreads, 1) rms_norm_kernel(RmsNormArgs args) {
    begin_kernel();
    SharedMemory shared;
    const uint32_t row = block_x();
    const uint32_t source = args.source_rows ? args.source_rows[row] : row;
    const float* const x = args.x + static_cast<size_t>(source) * args.ld_x;
    const uint32_t columns = args.out.columns;
    float squares = 0;
    for (uint32_t i = thread(); i < columns; i += threads()) squares = fmaf(x[i], x[i], squares);
    const float mean = block_sum(squares, shared) / static_cast<float>(columns);
    const float factor = 1.0f / sqrtf(mean + args.epsilon);
    write_operand(args.out, row, shared, [&](uint32_t i) { return x[i] * factor * args.weight[i]; });
}

PITWALL_KERNEL PITWALL_BOUNDS(kMostRowThreads, 1) round_rows_kernel(RoundRowsArgs args) {
    begin_kernel();
    SharedMemory shared;
    const uint32_t row = block_x();
    const float* const x = args.x + static_cast<size_t>(row) * args.ld_x;
    write_operand(args.out, row, shared, [&](uint32_t i) { return x[i]; });
}

}  // namespace

void rms_norm(Stream& stream, const RmsNormArgs& args, uint32_t rows) {
    launch(stream,
           {.kernel = "rms_norm",
            .x = rows,
            .threads = row_threads(args.out.columns),
            .shared_bytes = 2 * kSharedBytes},
           rms_norm_kernel, args);
}

void round_rows(Stream& stream, const RoundRowsArgs& args, uint32_t rows) {
    launch(stream,
           {.kernel = "round_rows",
            .x = rows,
            .threads = row_threads(args.out.columns),
            .shared_bytes = kSharedBytes},
           round_rows_kernel, args);
}

}  // namespace pitwall::cuda
