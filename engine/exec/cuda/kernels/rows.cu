// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/rows.h"

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/kernels/operand_write.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kSharedBytes = kBlockReduceBytes;

PITWALL_KERNEL rms_norm_kernel(RmsNormArgs args) {
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

PITWALL_KERNEL round_rows_kernel(RoundRowsArgs args) {
    begin_kernel();
    SharedMemory shared;
    const uint32_t row = block_x();
    const float* const x = args.x + static_cast<size_t>(row) * args.ld_x;
    write_operand(args.out, row, shared, [&](uint32_t i) { return x[i]; });
}

constexpr int32_t kNoColumn = INT32_MAX;

struct Candidate {
    float value;
    int32_t column;
};

/// The larger; of equal ones the one further left.
PITWALL_DEVICE Candidate better(Candidate a, Candidate b) {
    const bool second = b.value > a.value || (b.value == a.value && b.column < a.column);
    return second ? b : a;
}

PITWALL_DEVICE bool is_banned(const LargestArgs& args, uint32_t row, int32_t column) {
    if (args.bans == nullptr) return false;
    const uint32_t first = args.bans[2 * row], count = args.bans[2 * row + 1];
    for (uint32_t i = 0; i < count; ++i)
        if (args.banned[first + i] == column) return true;
    return false;
}

PITWALL_KERNEL largest_columns_kernel(LargestArgs args) {
    begin_kernel();
    SharedMemory shared;
    const uint32_t warps = threads() / kWarp, row = block_x();
    auto* const best_of_warp = shared.take<Candidate>(warps);
    const float* const x = args.x + static_cast<size_t>(row) * args.ld_x;
    Candidate best{-INFINITY, kNoColumn};
    for (uint32_t i = thread(); i < args.columns; i += threads()) {
        const float value = x[i] != x[i] ? -INFINITY : x[i];
        const auto column = static_cast<int32_t>(i);
        const bool first = best.column == kNoColumn;  // any that may be chosen is better than none
        if ((first || value > best.value) && !is_banned(args, row, column)) best = {value, column};
    }
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2)
        best = better(best, {shuffle_xor(best.value, mask), shuffle_xor(best.column, mask)});
    if (lane() == 0) best_of_warp[warp()] = best;
    sync_block();
    if (thread() != 0) return;
    for (uint32_t i = 1; i < warps; ++i) best = better(best, best_of_warp[i]);
    args.largest[row] = best.column == kNoColumn ? 0 : best.column;
}

}  // namespace

void rms_norm(Stream& stream, const RmsNormArgs& args, uint32_t rows) {
    launch(stream, {.x = rows, .threads = row_threads(args.out.columns), .shared_bytes = 2 * kSharedBytes},
           rms_norm_kernel, args);
}

void round_rows(Stream& stream, const RoundRowsArgs& args, uint32_t rows) {
    launch(stream, {.x = rows, .threads = row_threads(args.out.columns), .shared_bytes = kSharedBytes},
           round_rows_kernel, args);
}

void largest_columns(Stream& stream, const LargestArgs& args, uint32_t rows) {
    const uint32_t threads = row_threads(args.columns);
    const auto shared_bytes = threads / kWarp * static_cast<uint32_t>(sizeof(Candidate));
    launch(stream, {.x = rows, .threads = threads, .shared_bytes = shared_bytes}, largest_columns_kernel,
           args);
}

}  // namespace pitwall::cuda
