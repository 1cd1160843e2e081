// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plan as the device takes it: tokens in batches, the rows whose logits are wanted, and all their integers in one upload.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/exec/cuda/executor/attention_plan.h"
#include "engine/exec/cuda/executor/step_upload.h"
#include "engine/exec/cuda/kernels/sample.h"
#include "engine/exec/cuda/plugin/abi.h"

namespace pitwall::cuda {

/// Tokens that run together.
struct StepBatch {
    std::vector<int32_t> ids;
    std::vector<uint32_t> positions, slots;
    std::vector<StepSequence> sequences;
    AttentionPlan attention;
    StepUpload::Place ids_at, positions_at, slots_at, sequences_at, tables_at, decode_at, prefill_at,
        row_parts_at;
    uint32_t first_head = 0, num_heads = 0;  ///< of StepLayout::heads
};

/// A row whose logits are wanted: to sample from, or as they are.
struct HeadRow {
    uint32_t row = 0;  ///< of its batch
    float* logits_out = nullptr;
    SampleRow sample{};
    bool sampled() const { return sample.wanted != 0; }
};

struct StepLayout {
    std::vector<StepBatch> batches;
    std::vector<HeadRow> heads;  ///< in the order of slices and positions
    std::vector<uint32_t> copies;
    std::vector<int32_t>
        listed;  ///< SampleArgs::ids; 4 bytes for each token that a request with a penalty has seen
    StepUpload::Place head_rows_at, samples_at, listed_at, copies_at;
};

struct LayoutLimits {
    uint32_t batch_tokens;  ///< a longer step runs as several batches
    uint32_t vocab;
    uint32_t group;  ///< query heads of a KV head
};

/// `sampled_before`: for each position that the plan before sampled, its head row. A token -1 - k of a slice is what was sampled
/// at the k-th of them.
StepLayout lay_out(const abi::Plan& plan, const LayoutLimits& limits,
                   const std::vector<uint32_t>& sampled_before);

/// All that the addresses and grids of a step depend on: steps of one shape can share a graph.
using GraphShape =
    std::array<uint32_t, 5>;  ///< tokens, heads, decode items, blocks in tables, parts (and whether many)

/// Whether the step is short enough of the kind that comes again and again: decodes and short verifications.
bool graphable(const StepLayout& layout, uint32_t most_heads);
/// Fills such a step up to the next shape that graphs are made for, with rows that leave nothing behind.
GraphShape fill_up(StepLayout& layout);

/// What fills an upload, in an order in which places depend on the shape alone.
void put(StepLayout& layout, StepUpload& upload);

}  // namespace pitwall::cuda
