// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/rows.h"

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/kernels/operand_write.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kThreads = 256;
constexpr uint32_t kSharedBytes = kBlockReduceBytes;

PITWALL_KERNEL rms_norm_kernel(RmsNormArgs args) {
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

PITWALL_KERNEL round_rows_kernel(RoundRowsArgs args) {
    SharedMemory shared;
    const uint32_t row = block_x();
    const float* const x = args.x + static_cast<size_t>(row) * args.ld_x;
    write_operand(args.out, row, shared, [&](uint32_t i) { return x[i]; });
}

struct Candidate {
    float value;
    int32_t column;
};

/// The larger; of equal ones the one further left.
PITWALL_DEVICE Candidate better(Candidate a, Candidate b) {
    const bool second = b.value > a.value || (b.value == a.value && b.column < a.column);
    return second ? b : a;
}

PITWALL_KERNEL largest_columns_kernel(LargestArgs args) {
    SharedMemory shared;
    auto* const best_of_warp = shared.take<Candidate>(kThreads / kWarp);
    const float* const x = args.x + static_cast<size_t>(block_x()) * args.ld_x;
    Candidate best{-INFINITY, 0};
    for (uint32_t i = thread(); i < args.columns; i += threads())
        if (x[i] > best.value) best = {x[i], static_cast<int32_t>(i)};
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2)
        best = better(best, {shuffle_xor(best.value, mask), shuffle_xor(best.column, mask)});
    if (lane() == 0) best_of_warp[warp()] = best;
    sync_block();
    if (thread() != 0) return;
    for (uint32_t i = 1; i < kThreads / kWarp; ++i) best = better(best, best_of_warp[i]);
    args.largest[block_x()] = best.column;
}

}  // namespace

void rms_norm(Stream& stream, const RmsNormArgs& args, uint32_t rows) {
    launch(stream, {.x = rows, .threads = kThreads, .shared_bytes = 2 * kSharedBytes}, rms_norm_kernel, args);
}

void round_rows(Stream& stream, const RoundRowsArgs& args, uint32_t rows) {
    launch(stream, {.x = rows, .threads = kThreads, .shared_bytes = kSharedBytes}, round_rows_kernel, args);
}

void largest_columns(Stream& stream, const LargestArgs& args, uint32_t rows) {
    launch(stream, {.x = rows, .threads = kThreads, .shared_bytes = kThreads / kWarp * sizeof(Candidate)},
           largest_columns_kernel, args);
}

}  // namespace pitwall::cuda
