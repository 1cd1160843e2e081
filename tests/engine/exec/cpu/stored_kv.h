// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a block of the KV cache holds, read number by number as kv_layout.h says: the slow reference of the kernels.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/kv/kv_format.h"
#include "engine/model/half.h"

namespace pitwall::engine::cpu {

/// Reads one head of one block. Values are as they are stored: rotated, where the format rotates.
class StoredKv {
  public:
    StoredKv(const KvHeadLayout& layout, const std::byte* head) : layout_(layout), head_(head) {}

    double k(uint32_t slot, uint32_t d) const {
        const uint32_t g = layout_.k.groups == 0 ? 0 : d / layout_.k.group;
        const auto scale = [&](uint32_t n) {
            return half(layout_.k_scales + ((g * layout_.k.numbers + n) * 16 + slot) * 2);
        };
        if (layout_.k.number == KvNumber::kInt4) {
            const uint32_t pair = at<uint8_t>(d / 2 * 16 + slot);
            return (d % 2 == 0 ? pair & 15 : pair >> 4) * scale(0) + scale(1);
        }
        return number(layout_.k, 0, d * 16 + slot) * (layout_.k.groups == 0 ? 1 : scale(0));
    }
    double v(uint32_t slot, uint32_t d) const {
        const uint32_t g = layout_.v.groups == 0 ? 0 : d / layout_.v.group;
        const auto scale = [&](uint32_t n) {
            return half(layout_.v_scales + ((slot * layout_.v.groups + g) * layout_.v.numbers + n) * 2);
        };
        if (layout_.v.number == KvNumber::kInt4) {
            const uint32_t byte = d / 32 * 16 + d % 16;
            const uint32_t pair = at<uint8_t>(layout_.v_values + slot * layout_.v_dim / 2 + byte);
            return (d % 32 < 16 ? pair & 15 : pair >> 4) * scale(0) + scale(1);
        }
        return number(layout_.v, layout_.v_values, slot * layout_.v_dim + d) *
               (layout_.v.groups == 0 ? 1 : scale(0));
    }
    /// How far apart two neighbouring codes are at most, near a stored value.
    double k_step(uint32_t slot, uint32_t d) const {
        const uint32_t g = layout_.k.groups == 0 ? 0 : d / layout_.k.group;
        return step(
            layout_.k, k(slot, d),
            layout_.k.groups == 0 ? 0 : half(layout_.k_scales + (g * layout_.k.numbers * 16 + slot) * 2));
    }
    double v_step(uint32_t slot, uint32_t d) const {
        const uint32_t g = layout_.v.groups == 0 ? 0 : d / layout_.v.group;
        return step(layout_.v, v(slot, d),
                    layout_.v.groups == 0
                        ? 0
                        : half(layout_.v_scales + (slot * layout_.v.groups + g) * layout_.v.numbers * 2));
    }

  private:
    template <class Number>
    Number at(uint32_t byte) const {
        Number value;
        std::memcpy(&value, head_ + byte, sizeof value);
        return value;
    }
    double half(uint32_t byte) const { return double(half_to_float(at<uint16_t>(byte))); }
    double number(const KvCoding& coding, uint32_t from, uint32_t index) const {
        switch (coding.number) {
            case KvNumber::kF32:
                return double(at<float>(from + index * 4));
            case KvNumber::kF16:
                return half(from + index * 2);
            case KvNumber::kBf16:
                return double(bfloat16_to_float(at<uint16_t>(from + index * 2)));
            case KvNumber::kInt8:
                return at<int8_t>(from + index);
            case KvNumber::kFp8:
                return e4m3(at<uint8_t>(from + index));
            case KvNumber::kInt4:
                break;
        }
        return NAN;
    }
    static double e4m3(uint8_t code) {
        const int exponent = code >> 3 & 15, fraction = code & 7;
        const double size =
            exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 7 - 3);
        return code & 0x80 ? -size : size;
    }
    static double step(const KvCoding& coding, double value, double scale) {
        const double size = std::abs(value);
        switch (coding.number) {
            case KvNumber::kF32:
                return 0;
            case KvNumber::kF16:
                return std::max(size * 0x1p-10, 0x1p-24);
            case KvNumber::kBf16:
                return std::max(size * 0x1p-7, 0x1p-24);
            case KvNumber::kFp8:
                return std::max(size / 8, scale * 0x1p-9);
            case KvNumber::kInt8:
            case KvNumber::kInt4:
                return scale;
        }
        return NAN;
    }

    const KvHeadLayout& layout_;
    const std::byte* head_;
};

inline constexpr telemetry::KvDtype kAllKvDtypes[] = {
    telemetry::KvDtype::kF32,  telemetry::KvDtype::kF16,  telemetry::KvDtype::kBf16, telemetry::KvDtype::kFp8,
    telemetry::KvDtype::kInt8, telemetry::KvDtype::kK8V4, telemetry::KvDtype::kInt4};

}  // namespace pitwall::engine::cpu
