// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/attention_formats.h"
#include "engine/exec/cuda/kernels/attention_rows.h"
#include "engine/exec/cuda/kernels/hadamard.h"
#include "engine/exec/cuda/kernels/operand_write.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

/// So many parts a row's block merges by itself; of more a block for each head goes first: with few rows a block a row leaves
/// most of a device idle.
constexpr uint32_t kFewParts = 1;

struct MergeArgs {
    AttendArgs attend;
    uint32_t most_parts;  ///< that rows still have
};

/// The parts of a row, in ascending order of their chunks, merged for one dimension of a head.
struct MergedValue {
    float most, sum, value;
};
PITWALL_DEVICE MergedValue merge_parts_of(const AttendArgs& args, uint32_t first, uint32_t count,
                                          uint32_t head, uint32_t d) {
    const uint32_t head_dim = args.pool.layout.head_dim;
    const size_t stride = part_floats(args.heads, head_dim);
    const float* values = args.parts + first * stride + head * head_dim + d;
    const float* sums = args.parts + first * stride + args.heads * head_dim + 2 * head;
    MergedValue m{sums[0], sums[1], values[0]};
#pragma unroll 4
    for (uint32_t i = 1; i < count; ++i) {
        values += stride, sums += stride;
        const MergeFactors factors = merge_factors(m.most, sums[0]);
        m.sum = merged(m.sum, sums[1], factors);
        m.value = merged(m.value, values[0], factors);
    }
    return m;
}

/// Leaves the parts of a row and head in the first of them.
PITWALL_KERNEL gather_parts_kernel(MergeArgs all) {
    begin_kernel();
    const AttendArgs& args = all.attend;
    const uint32_t row = block_x(), head = block_y(), head_dim = args.pool.layout.head_dim;
    const uint32_t first = args.row_parts[2 * row], count = args.row_parts[2 * row + 1];
    if (count < 2) return;
    const MergedValue m = merge_parts_of(args, first, count, head, thread());
    sync_block();  // all have read
    float* const part = part_of(args, first, head_dim);
    part[head * head_dim + thread()] = m.value;
    if (thread() != 0) return;
    part[args.heads * head_dim + 2 * head] = m.most;
    part[args.heads * head_dim + 2 * head + 1] = m.sum;
}

/// Merged, divided by the sum of weights, V's rotation undone, and written as the next matrix wants it.
PITWALL_KERNEL PITWALL_BOUNDS(kMostRowThreads, 1) merge_kernel(MergeArgs all) {
    begin_kernel();
    const AttendArgs& args = all.attend;
    SharedMemory shared;
    const uint32_t row = block_x(), head_dim = args.pool.layout.head_dim, columns = args.heads * head_dim;
    auto* const x = shared.take<float>(columns);
    const uint32_t first = args.row_parts[2 * row], parts = args.row_parts[2 * row + 1];
    const uint32_t count = smaller(parts, all.most_parts);
    const float unlift = 1.0f / scale_lift(args.pool.layout.v.number);
    for (uint32_t i = thread(); i < columns; i += threads()) {
        x[i] = 0;
        if (count == 0) continue;
        const MergedValue m = merge_parts_of(args, first, count, i / head_dim, i % head_dim);
        x[i] = m.value / m.sum * unlift;
    }
    sync_block();
    if (args.pool.layout.v.rotation != 0) {
        for (uint32_t head = warp(); head < args.heads; head += threads() / kWarp)
            rotate_shared(x + head * head_dim, head_dim);
        sync_block();
    }
    write_operand(args.out, row, shared, [&](uint32_t i) { return x[i]; });
}

}  // namespace

uint32_t attend_shared_bytes(uint32_t heads, uint32_t head_dim) {
    return heads * head_dim * static_cast<uint32_t>(sizeof(float)) + kBlockReduceBytes;
}

void merge_parts(Stream& stream, const AttendArgs& args) {
    const uint32_t head_dim = args.pool.layout.head_dim;
    MergeArgs all{args, args.most_parts};
    if (args.most_parts > kFewParts) {
        launch(stream, {.kernel = "gather_parts", .x = args.tokens, .y = args.heads, .threads = head_dim},
               gather_parts_kernel, all);
        all.most_parts = 1;
    }
    launch(stream,
           {.kernel = "merge",
            .x = args.tokens,
            .threads = row_threads(args.heads * head_dim),
            .shared_bytes = attend_shared_bytes(args.heads, head_dim)},
           merge_kernel, all);
}

}  // namespace pitwall::cuda
