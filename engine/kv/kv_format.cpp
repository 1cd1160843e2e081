// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/kv_format.h"

#include <algorithm>

#include "engine/exec/executor.h"
#include "telemetry/kv_size.h"
#include "telemetry/names.h"

namespace pitwall::engine {
namespace {

constexpr uint32_t kLargestRotation = 128;

/// The largest power of two that divides the head: runs of it fill the head.
uint32_t rotation_of(uint32_t head_dim) { return std::min(head_dim & (~head_dim + 1), kLargestRotation); }

KvCoding coding_of(KvNumber number, bool rotated, const telemetry::KvSideSize& size, uint32_t head_dim) {
    return {.number = number,
            .group = size.group,
            .groups = size.groups,
            .numbers = size.numbers,
            .rotation = rotated ? rotation_of(head_dim) : 0};
}

void choose_codings(KvDtype dtype, const telemetry::KvSides& sizes, KvHeadLayout& layout) {
    const auto choose = [&](KvNumber k, KvNumber v, bool rotated) {
        layout.k = coding_of(k, rotated, sizes.k, layout.head_dim);
        layout.v = coding_of(v, rotated, sizes.v, layout.head_dim);
    };
    switch (dtype) {
        case KvDtype::kF16:
            return choose(KvNumber::kF16, KvNumber::kF16, false);
        case KvDtype::kF32:
            return choose(KvNumber::kF32, KvNumber::kF32, false);
        case KvDtype::kBf16:
            return choose(KvNumber::kBf16, KvNumber::kBf16, false);
        case KvDtype::kFp8:  // a rotation makes all values alike: nothing for a float to win
            return choose(KvNumber::kFp8, KvNumber::kFp8, false);
        case KvDtype::kInt8:
            return choose(KvNumber::kInt8, KvNumber::kInt8, true);
        case KvDtype::kK8V4:
            return choose(KvNumber::kInt8, KvNumber::kInt4, true);
        case KvDtype::kInt4:
            return choose(KvNumber::kInt4, KvNumber::kInt4, true);
        case KvDtype::kCount:
            return;
    }
}

}  // namespace

std::optional<KvDtype> kv_dtype_named(std::string_view word) {
    for (uint8_t i = 0; i < static_cast<uint8_t>(KvDtype::kCount); ++i)
        if (telemetry::name(KvDtype{i}) == word) return KvDtype{i};
    return std::nullopt;
}

KvDtype kv_dtype_of_choice(double choice) {
    const auto& choices = presets::spec(presets::KnobId::kKvCacheDtype).choices;
    return kv_dtype_named(choices[static_cast<size_t>(choice)]).value_or(KvDtype::kF16);
}

KvDtype kv_dtype_of(const presets::KnobValues& knobs) {
    return kv_dtype_of_choice(knobs.get(presets::KnobId::kKvCacheDtype));
}

double kv_dtype_choice(KvDtype dtype) {
    const auto& choices = presets::spec(presets::KnobId::kKvCacheDtype).choices;
    return static_cast<double>(std::find(choices.begin(), choices.end(), telemetry::name(dtype)) -
                               choices.begin());
}

KvHeadLayout kv_head_layout(KvDtype dtype, uint32_t head_dim) {
    const telemetry::KvSides sizes = telemetry::kv_sides(dtype, head_dim);
    KvHeadLayout layout;
    layout.head_dim = head_dim;
    choose_codings(dtype, sizes, layout);
    layout.v_dim = telemetry::kv_padded_value_dim(sizes.v, head_dim);
    layout.k_scales = head_dim * kBlockTokens * sizes.k.bits / 8;
    layout.v_values = layout.k_scales + kBlockTokens * sizes.k.scale_bytes();
    layout.v_scales = layout.v_values + layout.v_dim * kBlockTokens * sizes.v.bits / 8;
    layout.bytes = layout.v_scales + kBlockTokens * sizes.v.scale_bytes();
    return layout;
}

uint64_t kv_bytes_per_block(KvDtype dtype, const ModelConfig& config) {
    return uint64_t{kv_head_layout(dtype, config.head_dim).bytes} * config.num_layers * config.num_kv_heads;
}

}  // namespace pitwall::engine
