// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/token_places.h"

#include <cassert>
#include <cmath>

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kCacheLine = 64;

}  // namespace

TokenPlaces::TokenPlaces(const PackedModel& model, const Kernels& kernels, KvArena& arena, uint32_t most_rows)
    : model_(model), kernels_(kernels), arena_(arena), blocks_(most_rows), slots_(most_rows) {
    const uint32_t dim = model.config.head_dim;
    cos_.resize(size_t{most_rows} * dim);
    sin_.resize(size_t{most_rows} * dim);
    for (uint32_t i = 0; i < dim / 2; ++i)
        frequencies_.push_back(std::pow(static_cast<double>(model.config.rope_base), -2.0 * i / dim));
}

void TokenPlaces::take(std::span<const SequenceRows> sequences) {
    rows_of_runs_.clear();
    for (const auto& sequence : sequences) {
        for (uint32_t i = 0; i < sequence.tokens; ++i) {
            const uint32_t row = sequence.first_row + i, position = sequence.first_position + i;
            assert(position / kBlockTokens < sequence.block_table.size());
            blocks_[row] = sequence.block_table[position / kBlockTokens];
            slots_[row] = position % kBlockTokens;
            take_rotation(row, position);
            if (sequence.tokens > 1) rows_of_runs_.push_back(row);
        }
    }
}

void TokenPlaces::take_rotation(uint32_t row, uint32_t position) {
    const size_t pairs = frequencies_.size();
    for (size_t pair = 0; pair < pairs; ++pair) {
        const double angle = position * frequencies_[pair];
        const size_t at = 2 * (row * pairs + pair);
        cos_[at] = cos_[at + 1] = static_cast<float>(std::cos(angle));
        sin_[at + 1] = static_cast<float>(std::sin(angle));
        sin_[at] = -sin_[at + 1];
    }
}

void TokenPlaces::rotate(uint32_t row, float* heads, uint32_t count) const {
    const uint32_t dim = model_.config.head_dim;
    const size_t at = size_t{row} * dim;
    kernels_.rotate_pairs({cos_.data() + at, sin_.data() + at, dim}, heads, count);
}

void TokenPlaces::cache(uint32_t layer, uint32_t row, uint32_t kv_head, float* qkv) const {
    const size_t at = size_t{kv_head} * model_.config.head_dim;
    float* const k = qkv + model_.k_column + at;
    rotate(row, k, 1);
    kernels_.store_kv(arena_.layout(), k, qkv + model_.v_column + at, slots_[row],
                      arena_.head(blocks_[row], layer, kv_head));
}

void TokenPlaces::cache_all_heads(uint32_t layer, uint32_t row, float* qkv) const {
    for (uint32_t head = 0; head < model_.config.num_kv_heads; ++head) cache(layer, row, head, qkv);
}

void TokenPlaces::ask_for(uint32_t layer, uint32_t row) const {
    const KvHeadLayout& layout = arena_.layout();
    const uint32_t v_bytes = (layout.v_scales - layout.v_values) / kBlockTokens;
    for (uint32_t head = 0; head < model_.config.num_kv_heads; ++head) {
        const std::byte* const block = arena_.head(blocks_[row], layer, head);
        for (uint32_t at = 0; at < layout.v_values; at += kCacheLine)
            __builtin_prefetch(block + at, 1, kSecondLevel);
        const std::byte* const v = block + layout.v_values + slots_[row] * v_bytes;
        for (uint32_t at = 0; at < v_bytes; at += kCacheLine) __builtin_prefetch(v + at, 1, kSecondLevel);
    }
}

}  // namespace pitwall::engine::cpu
