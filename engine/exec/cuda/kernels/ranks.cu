// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/ranks.h"

#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kThreads = 256;

constexpr uint32_t blocks_for(uint64_t count) {
    return static_cast<uint32_t>((count + kThreads - 1) / kThreads);
}

PITWALL_KERNEL add_parts_kernel(AddPartsArgs args) {
    begin_kernel();
    const uint64_t i = uint64_t{block_x()} * threads() + thread();
    if (i >= args.count) return;
    float sum = args.parts[i];
    for (uint32_t part = 1; part < args.num_parts; ++part) sum += args.parts[part * args.count + i];
    args.out[i] += sum;
}

/// A row of blocks a row.
PITWALL_KERNEL join_columns_kernel(JoinColumnsArgs args) {
    begin_kernel();
    const uint32_t column = block_x() * threads() + thread(), row = block_y();
    if (column >= args.columns) return;
    const uint64_t from = (uint64_t{column / args.each} * args.rows + row) * args.each + column % args.each;
    args.out[uint64_t{row} * args.columns + column] = args.parts[from];
}

}  // namespace

void add_parts(Stream& stream, const AddPartsArgs& args) {
    launch(stream, {.kernel = "add_parts", .x = blocks_for(args.count), .threads = kThreads},
           add_parts_kernel, args);
}

void join_columns(Stream& stream, const JoinColumnsArgs& args) {
    launch(stream,
           {.kernel = "join_columns", .x = blocks_for(args.columns), .y = args.rows, .threads = kThreads},
           join_columns_kernel, args);
}

}  // namespace pitwall::cuda
