// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/attention_plan.h"

#include <algorithm>

namespace pitwall::cuda {
namespace {

/// A sequence whose rows fill no more than so many blocks of the prefill kernel gets more of them by cutting its context;
/// one with more rows has blocks enough, and would need much memory for parts.
constexpr uint32_t kSplitBlocks = 2;
/// Chunks that a block takes then: enough that reading its queries does not count.
constexpr uint32_t kSplitChunks = 2;

uint32_t divided_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

/// Rows of `tokens` tokens cut into items of up to `per_item` tokens.
template <class Add>
void each_item(uint32_t tokens, uint32_t per_item, const Add& add) {
    for (uint32_t first = 0; first < tokens; first += per_item)
        add(first, std::min(per_item, tokens - first));
}

class Planner {
  public:
    Planner(uint32_t rows, uint32_t group) : group_(group) { plan_.row_parts.resize(size_t{rows} * 2); }

    void add(const StepSequence& sequence) {
        const auto index = static_cast<uint32_t>(plan_.sequences.size());
        const auto table = static_cast<uint32_t>(plan_.tables.size());
        plan_.sequences.push_back({sequence.first_row, sequence.tokens, sequence.first_position, table});
        plan_.tables.insert(plan_.tables.end(), sequence.blocks.begin(), sequence.blocks.end());
        if (group_ * sequence.tokens <= kWarpRows) return decode(index, sequence);
        const uint32_t per_item = kPrefillRows / group_;
        prefill(index, sequence, per_item, sequence.tokens > kSplitBlocks * per_item);
    }

    AttentionPlan finish() {
        const auto chunks = [](const AttendItem& item) { return item.end_chunk - item.first_chunk; };
        std::stable_sort(plan_.prefill_items.begin(), plan_.prefill_items.end(),
                         [&](const AttendItem& a, const AttendItem& b) { return chunks(a) > chunks(b); });
        return std::move(plan_);
    }

  private:
    static uint32_t chunks_until(const StepSequence& sequence, uint32_t token) {
        return (sequence.first_position + token) / kChunkTokens + 1;
    }

    void decode(uint32_t index, const StepSequence& sequence) {
        add_parts(sequence, false);
        const uint32_t chunks = chunks_until(sequence, sequence.tokens - 1);
        for (uint32_t chunk = 0; chunk < chunks; ++chunk)
            plan_.decode_items.push_back({index, 0, sequence.tokens, chunk, chunk + 1, 0});
    }

    void prefill(uint32_t index, const StepSequence& sequence, uint32_t per_item, bool merged) {
        add_parts(sequence, merged);
        each_item(sequence.tokens, per_item, [&](uint32_t first, uint32_t tokens) {
            const uint32_t chunks = chunks_until(sequence, first + tokens - 1);
            const uint32_t step = merged ? chunks : kSplitChunks;
            for (uint32_t chunk = 0; chunk < chunks; chunk += step)
                plan_.prefill_items.push_back(
                    {index, first, tokens, chunk, std::min(chunk + step, chunks), merged ? 1u : 0u});
        });
    }

    void add_parts(const StepSequence& sequence, bool merged) {
        for (uint32_t token = 0; token < sequence.tokens; ++token) {
            const uint32_t parts = merged ? 1 : chunks_until(sequence, token);
            uint32_t* const row = plan_.row_parts.data() + size_t{sequence.first_row + token} * 2;
            row[0] = plan_.parts, row[1] = parts;
            plan_.parts += parts;
            plan_.most_parts = std::max(plan_.most_parts, parts);
        }
    }

    uint32_t group_;
    AttentionPlan plan_;
};

}  // namespace

AttentionPlan plan_attention(std::span<const StepSequence> sequences, uint32_t rows, uint32_t group) {
    Planner planner(rows, group);
    for (const StepSequence& sequence : sequences) planner.add(sequence);
    return planner.finish();
}

uint32_t most_attention_parts(uint32_t rows, uint32_t sequences, uint32_t positions, uint32_t group) {
    const uint32_t split_rows = std::max(
        kWarpRows / group, kSplitBlocks * (kPrefillRows / group));  // of a sequence that may be split
    const uint32_t split = std::min<uint64_t>(rows, uint64_t{sequences} * split_rows);
    return split * divided_up(positions, kChunkTokens) + (rows - split);
}

}  // namespace pitwall::cuda
