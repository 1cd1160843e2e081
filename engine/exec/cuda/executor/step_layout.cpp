// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/step_layout.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "engine/sample/sampler.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kMostGraphTokens = 256;

class Builder {
  public:
    Builder(StepLayout& layout, const LayoutLimits& limits, const std::vector<uint32_t>& sampled_before)
        : layout_(layout), limits_(limits), sampled_before_(sampled_before) {}

    /// Cut where the batch has no room left.
    void add(const abi::Slice& slice) {
        if (slice.samples > 0) sample_ = sample_of(slice);
        for (uint32_t first = 0; first < slice.num_tokens;) {
            if (layout_.batches.empty() || layout_.batches.back().ids.size() == limits_.batch_tokens) {
                layout_.batches.emplace_back();
                layout_.batches.back().first_head = static_cast<uint32_t>(layout_.heads.size());
            }
            const auto room = limits_.batch_tokens - static_cast<uint32_t>(layout_.batches.back().ids.size());
            const uint32_t tokens = std::min(room, slice.num_tokens - first);
            add_piece(slice, first, tokens);
            first += tokens;
        }
    }

  private:
    void add_piece(const abi::Slice& slice, uint32_t first_token, uint32_t tokens) {
        StepBatch& batch = layout_.batches.back();
        const auto first_row = static_cast<uint32_t>(batch.ids.size());
        const uint32_t first_position = slice.first_position + first_token;
        batch.sequences.push_back({first_row, tokens, first_position, {slice.block_table, slice.num_blocks}});
        for (uint32_t i = 0; i < tokens; ++i) {
            const uint32_t position = first_position + i;
            assert(position / kBlockTokens < slice.num_blocks);
            batch.ids.push_back(id_of(slice.tokens[first_token + i]));
            batch.positions.push_back(position);
            batch.slots.push_back(slice.block_table[position / kBlockTokens] * kBlockTokens +
                                  position % kBlockTokens);
            add_head(batch, slice, first_token + i, first_row + i);
        }
    }

    int32_t id_of(int32_t token) const {
        assert(token < static_cast<int32_t>(limits_.vocab));
        return token >= 0 ? token
                          : -1 - static_cast<int32_t>(sampled_before_.at(static_cast<size_t>(-1 - token)));
    }

    void add_head(StepBatch& batch, const abi::Slice& slice, uint32_t token, uint32_t row) {
        const bool sampled = token >= slice.num_tokens - slice.samples;
        if (!sampled && slice.logits_out == nullptr) return;
        float* const out = slice.logits_out ? slice.logits_out + size_t{token} * limits_.vocab : nullptr;
        layout_.heads.push_back({row, out, sampled ? sample_at(slice, token) : SampleRow{}});
        ++batch.num_heads;
    }

    /// What is the same for all positions of a slice. What they have seen is uploaded once: a later one sees more of it.
    SampleRow sample_of(const abi::Slice& slice) {
        const engine::SamplingParams params = params_of(slice.sampling);
        SampleRow sample{};
        sample.wanted = 1;
        sample.temperature = engine::is_greedy(params) ? 0 : params.temperature;
        sample.farthest = engine::farthest_candidate(params);
        sample.top_p = params.top_p < 1 ? params.top_p : 1;
        sample.top_k = static_cast<uint32_t>(std::max(0, params.top_k));
        sample.penalty = params.repetition_penalty;
        std::vector<int32_t>& listed = layout_.listed;
        sample.first_banned = static_cast<uint32_t>(listed.size());
        listed.insert(listed.end(), slice.banned, slice.banned + slice.num_banned);
        sample.first_seen = static_cast<uint32_t>(listed.size());
        if (!engine::has_penalty(params)) return sample;
        listed.insert(listed.end(), slice.history, slice.history + slice.num_history);
        for (uint32_t i = 0; i < slice.num_tokens; ++i) listed.push_back(id_of(slice.tokens[i]));
        return sample;
    }

    SampleRow sample_at(const abi::Slice& slice, uint32_t token) const {
        const engine::SamplingParams params = params_of(slice.sampling);
        const uint32_t position = slice.first_position + token + 1;
        SampleRow sample = sample_;
        sample.uniform = engine::uniform_noise(params.seed, position);
        sample.num_seen = engine::has_penalty(params) ? slice.num_history + token + 1 : 0;
        sample.num_banned = position < slice.banned_before ? slice.num_banned : 0;
        return sample;
    }

    static engine::SamplingParams params_of(const abi::Sampling& s) {
        return {s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.seed};
    }

    StepLayout& layout_;
    const LayoutLimits& limits_;
    const std::vector<uint32_t>& sampled_before_;
    SampleRow sample_{};  ///< of the slice
};

/// 1, 2, 4, 8, then steps of 8 to 64, and of 16: as vLLM's default capture sizes, with smaller steps where a row counts.
uint32_t graph_rows(uint32_t rows) {
    if (rows <= 8) return std::bit_ceil(rows);
    const uint32_t step = rows <= 64 ? 8 : 16;
    return (rows + step - 1) / step * step;
}

}  // namespace

StepLayout lay_out(const abi::Plan& plan, const LayoutLimits& limits,
                   const std::vector<uint32_t>& sampled_before) {
    StepLayout layout;
    Builder builder(layout, limits, sampled_before);
    for (uint32_t i = 0; i < plan.num_slices; ++i) builder.add(plan.slices[i]);
    for (uint32_t i = 0; i < plan.num_copies; ++i)
        layout.copies.insert(layout.copies.end(), {plan.copies[i].source, plan.copies[i].target});
    for (StepBatch& batch : layout.batches) {
        const auto rows = static_cast<uint32_t>(batch.ids.size());
        batch.attention = plan_attention(batch.sequences, rows, limits.group);
    }
    return layout;
}

bool graphable(const StepLayout& layout, uint32_t most_heads) {
    if (layout.batches.size() != 1 || layout.batches[0].num_heads > most_heads) return false;
    const StepBatch& batch = layout.batches[0];
    return batch.attention.prefill_items.empty() && batch.num_heads > 0 &&
           batch.ids.size() <= kMostGraphTokens;
}

GraphShape fill_up(StepLayout& layout) {
    StepBatch& batch = layout.batches[0];
    AttentionPlan& attention = batch.attention;
    const uint32_t rows = graph_rows(static_cast<uint32_t>(batch.ids.size()));
    batch.ids.resize(rows, 0);
    batch.positions.resize(rows, 0);
    batch.slots.resize(rows, kNoSlot);
    attention.row_parts.resize(size_t{rows} * 2, 0);
    attention.sequences.resize(rows, SequenceRows{});
    attention.decode_items.resize(std::bit_ceil(attention.decode_items.size()), AttendItem{});
    attention.tables.resize(std::bit_ceil(attention.tables.size()), 0);
    attention.parts = std::bit_ceil(attention.parts);
    attention.most_parts = std::bit_ceil(attention.most_parts);
    const uint32_t heads = graph_rows(batch.num_heads);
    layout.heads.resize(heads);
    batch.num_heads = heads;
    return {rows, heads, static_cast<uint32_t>(attention.decode_items.size()),
            static_cast<uint32_t>(attention.tables.size()),
            attention.parts * 32 + std::bit_width(attention.most_parts)};
}

void put(StepLayout& layout, StepUpload& upload) {
    for (StepBatch& batch : layout.batches) {
        batch.ids_at = upload.put(batch.ids);
        batch.positions_at = upload.put(batch.positions);
        batch.slots_at = upload.put(batch.slots);
        batch.sequences_at = upload.put(batch.attention.sequences);
        batch.tables_at = upload.put(batch.attention.tables);
        batch.decode_at = upload.put(batch.attention.decode_items);
        batch.prefill_at = upload.put(batch.attention.prefill_items);
        batch.row_parts_at = upload.put(batch.attention.row_parts);
    }
    std::vector<uint32_t> rows;
    std::vector<SampleRow> samples;
    for (const HeadRow& head : layout.heads) {
        rows.push_back(head.row);
        samples.push_back(head.sample);
    }
    layout.head_rows_at = upload.put(rows);
    layout.samples_at = upload.put(samples);
    layout.listed_at = upload.put(layout.listed);  // of any size: nothing that a graph reads comes after
    layout.copies_at = upload.put(layout.copies);
}

}  // namespace pitwall::cuda
