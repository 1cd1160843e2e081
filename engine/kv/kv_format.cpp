// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/kv_format.h"

#include <algorithm>

#include "engine/exec/executor.h"
#include "telemetry/names.h"

namespace pitwall::engine {
namespace {

constexpr uint32_t kVector = 16;     ///< values of a vector
constexpr uint32_t kInt4Group = 32;  ///< also what one row of packed V holds per 16 bytes
constexpr uint32_t kLargestRotation = 128;

uint32_t rounded_up(uint32_t value, uint32_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

/// The largest power of two that divides the head: runs of it fill the head.
uint32_t rotation_of(uint32_t head_dim) { return std::min(head_dim & (~head_dim + 1), kLargestRotation); }

KvCoding coding_of(KvNumber number, bool rotated, uint32_t head_dim) {
    KvCoding coding;
    coding.number = number;
    if (rotated) coding.rotation = rotation_of(head_dim);
    if (number == KvNumber::kInt8 || number == KvNumber::kFp8) coding.group = head_dim, coding.numbers = 1;
    if (number == KvNumber::kInt4) coding.group = std::min(kInt4Group, head_dim), coding.numbers = 2;
    if (coding.group > 0) coding.groups = (head_dim + coding.group - 1) / coding.group;
    return coding;
}

uint32_t bits_of(KvNumber number) {
    switch (number) {
        case KvNumber::kF32:
            return 32;
        case KvNumber::kF16:
        case KvNumber::kBf16:
            return 16;
        case KvNumber::kFp8:
        case KvNumber::kInt8:
            return 8;
        case KvNumber::kInt4:
            return 4;
    }
    return 0;
}

uint32_t scale_bytes(const KvCoding& coding) { return kBlockTokens * coding.groups * coding.numbers * 2; }

void choose_codings(KvDtype dtype, KvHeadLayout& layout) {
    const auto both = [&](KvNumber number, bool rotated) {
        layout.k = layout.v = coding_of(number, rotated, layout.head_dim);
    };
    switch (dtype) {
        case KvDtype::kF16:
            return both(KvNumber::kF16, false);
        case KvDtype::kF32:
            return both(KvNumber::kF32, false);
        case KvDtype::kBf16:
            return both(KvNumber::kBf16, false);
        case KvDtype::kFp8:  // a rotation makes all values alike: nothing for a float to win
            return both(KvNumber::kFp8, false);
        case KvDtype::kInt8:
            return both(KvNumber::kInt8, true);
        case KvDtype::kK8V4:
            layout.k = coding_of(KvNumber::kInt8, true, layout.head_dim);
            layout.v = coding_of(KvNumber::kInt4, true, layout.head_dim);
            return;
        case KvDtype::kInt4:
            return both(KvNumber::kInt4, true);
        case KvDtype::kCount:
            return;
    }
}

}  // namespace

KvDtype kv_dtype_of(const presets::KnobValues& knobs) {
    const presets::KnobSpec& knob = presets::spec(presets::KnobId::kKvCacheDtype);
    const std::string_view word = knob.choices[static_cast<size_t>(knobs.integer(knob.id))];
    for (uint8_t i = 0; i < static_cast<uint8_t>(KvDtype::kCount); ++i)
        if (telemetry::name(KvDtype{i}) == word) return KvDtype{i};
    return KvDtype::kF16;
}

double kv_dtype_choice(KvDtype dtype) {
    const auto& choices = presets::spec(presets::KnobId::kKvCacheDtype).choices;
    return static_cast<double>(std::find(choices.begin(), choices.end(), telemetry::name(dtype)) -
                               choices.begin());
}

KvHeadLayout kv_head_layout(KvDtype dtype, uint32_t head_dim) {
    KvHeadLayout layout;
    layout.head_dim = head_dim;
    choose_codings(dtype, layout);
    layout.v_dim = rounded_up(head_dim, layout.v.number == KvNumber::kInt4 ? kInt4Group : kVector);
    layout.k_scales = head_dim * kBlockTokens * bits_of(layout.k.number) / 8;
    layout.v_values = layout.k_scales + scale_bytes(layout.k);
    layout.v_scales = layout.v_values + layout.v_dim * kBlockTokens * bits_of(layout.v.number) / 8;
    layout.bytes = layout.v_scales + scale_bytes(layout.v);
    return layout;
}

uint64_t kv_bytes_per_block(KvDtype dtype, const ModelConfig& config) {
    return uint64_t{kv_head_layout(dtype, config.head_dim).bytes} * config.num_layers * config.num_kv_heads;
}

}  // namespace pitwall::engine
