// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrix products of one tier. Included after the tier's lanes; see there why all is in an anonymous namespace.
#pragma once

#include "engine/exec/cpu/kernels/body_direct.h"
#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/body_tile.h"
#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::engine::cpu {
namespace {

/// The stored value of k = 16 * kHalf + 4 * quad + kByte, less the format's offset. The quad varies at run time: 32
/// copies of a kernel's body would fit no cache of decoded instructions, and take minutes to compile.
template <int kHalf, int kByte, PanelFormat kFormat>
PITWALL_LANES F stored_value(const Group<kFormat>& group, uint32_t quad) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    if constexpr (kLayout.low_bits == 8) {
        const I quads = load_bits(group.low + 64 * (4 * kHalf + quad));
        return to_float(shift_right_signed<24>(shift_left<24 - 8 * kByte>(quads)));
    } else {
        const I low = shift_right<8 * kByte + 4 * kHalf>(load_bits(group.low + 64 * quad));
        if constexpr (kLayout.high_bits == 0) return low_nibble<kLayout.offset>(low);
        const I word = load_bits(group.high + (kLayout.high_bits == 2 ? 64 * kHalf : 0));
        const uint32_t bit =
            (kLayout.high_bits == 1 ? 16 * kHalf : 0) + kLayout.high_bits * (4 * quad + kByte);
        const I high =
            shift_left<4>(both(shift_right(word, bit), broadcast_bits((1 << kLayout.high_bits) - 1)));
        return to_float(sub(either(both(low, broadcast_bits(15)), high), broadcast_bits(kLayout.offset)));
    }
}

template <int kHalf, int kByte, PanelFormat kFormat>
PITWALL_LANES F weight(const Group<kFormat>& group, uint32_t quad) {
    constexpr ScaleScheme kScales = layout_of(kFormat).scales;
    const F value = stored_value<kHalf, kByte>(group, quad);
    if constexpr (kScales == ScaleScheme::kScaleMin || kScales == ScaleScheme::kSuper)
        return fma(group.d, value, group.m);
    if constexpr (kScales == ScaleScheme::kSuper6) return mul(kHalf == 0 ? group.d : group.m, value);
    return mul(group.d, value);
}

/// body(half, byte, quad) for the 32 k of a group, ascending.
template <class Body>
PITWALL_LANES void each_k(const Body& body) {
    unrolled<2>([&](auto half) PITWALL_LAMBDA {
        for (uint32_t quad = 0; quad < 4; ++quad) {
            unrolled<4>([&](auto byte) PITWALL_LAMBDA { body(half, byte, quad); });
        }
    });
}

template <PanelFormat kFormat>
void dequantize_groups(const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out, size_t ld) {
    for (uint32_t k = 0; k < k_count; k += kGroupValues) {
        const Group<kFormat> group = open_group<kFormat>(panel, (k_begin + k) / kGroupValues);
        float* row = out + k * ld;
        each_k([&](auto half, auto byte, uint32_t quad) PITWALL_LAMBDA {
            store(row, weight<half.value, byte.value>(group, quad));
            row += ld;
        });
    }
}

/// The first or second of two k of a float panel.
template <PanelFormat kFormat, int kSecond>
PITWALL_LANES F float_weight(const std::byte* pair) {
    if constexpr (kFormat == PanelFormat::kF32) return as_float(load_bits(pair + 64 * kSecond));
    if constexpr (kFormat == PanelFormat::kF16) return load_half(pair + 32 * kSecond);
    if constexpr (kFormat == PanelFormat::kBf16) {
        const I both_k = load_bits(pair);
        return as_float(kSecond == 0 ? shift_left<16>(both_k)
                                     : both(both_k, broadcast_bits(static_cast<int32_t>(0xffff0000))));
    }
}

template <PanelFormat kFormat>
void widen(const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out, size_t ld) {
    constexpr size_t kPairBytes = layout_of(kFormat).float_pair_bytes();
    const std::byte* pair = panel + k_begin / 2 * kPairBytes;
    for (uint32_t k = 0; k + 1 < k_count; k += 2, pair += kPairBytes, out += 2 * ld) {
        store(out, float_weight<kFormat, 0>(pair));
        store(out + ld, float_weight<kFormat, 1>(pair));
    }
    if (k_count % 2 != 0) store(out, float_weight<kFormat, 0>(pair));
}

void dequantize(PanelFormat format, const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out,
                size_t ld) {
    switch (format) {
        case PanelFormat::kF32:
            return widen<PanelFormat::kF32>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kF16:
            return widen<PanelFormat::kF16>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kBf16:
            return widen<PanelFormat::kBf16>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4:
            return dequantize_groups<PanelFormat::kQ4>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4M:
            return dequantize_groups<PanelFormat::kQ4M>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5:
            return dequantize_groups<PanelFormat::kQ5>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5M:
            return dequantize_groups<PanelFormat::kQ5M>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ8:
            return dequantize_groups<PanelFormat::kQ8>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4K:
            return dequantize_groups<PanelFormat::kQ4K>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5K:
            return dequantize_groups<PanelFormat::kQ5K>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ6K:
            return dequantize_groups<PanelFormat::kQ6K>(panel, k_begin, k_count, out, ld);
    }
}

/// One k in float32.
struct FloatStep {
    using Element = float;
    using Weights = F;
    PITWALL_LANES F load(const float* p) { return cpu::load(p); }
    PITWALL_LANES F broadcast(float x) { return cpu::broadcast(x); }
    PITWALL_LANES F multiply_add(F w, F x, F sum) { return fma(w, x, sum); }
};

void tile(const TileProduct<float>& product) { tile_columns<FloatStep>(product); }

template <PanelFormat kFormat>
struct GroupWeights : FloatStep {
    template <int kPanels, class Body>
    PITWALL_LANES void each(const std::byte* const* panels, uint32_t k, uint32_t fetch_ahead,
                            const Body& body) {
        constexpr PanelLayout kLayout = layout_of(kFormat);
        uint32_t at = 0;
        for (uint32_t index = 0; index < k / kGroupValues; ++index) {
            Group<kFormat> group[kPanels];
            unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
                group[i.value] = open_group<kFormat>(panels[i.value], index);
                fetch<kLayout.group_bytes()>(panels[i.value] + kLayout.group_offset(index), fetch_ahead);
            });
            each_k([&](auto half, auto byte, uint32_t quad) PITWALL_LAMBDA {
                unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
                    body(i, at, weight<half.value, byte.value>(group[i.value], quad));
                });
                ++at;
            });
        }
    }
};

template <PanelFormat kFormat>
struct FloatWeights : FloatStep {
    template <int kPanels, class Body>
    PITWALL_LANES void each(const std::byte* const* panels, uint32_t k, uint32_t fetch_ahead,
                            const Body& body) {
        constexpr size_t kPairBytes = layout_of(kFormat).float_pair_bytes();
        const auto add = [&](auto second, size_t pair) PITWALL_LAMBDA {
            unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
                const std::byte* weights = panels[i.value] + pair * kPairBytes;
                if constexpr (second.value == 0) fetch<kPairBytes>(weights, fetch_ahead);
                body(i, 2 * pair + second.value, float_weight<kFormat, second.value>(weights));
            });
        };
        for (size_t pair = 0; pair < k / 2; ++pair) {
            add(Index<0>{}, pair);
            add(Index<1>{}, pair);
        }
        if (k % 2 != 0) add(Index<0>{}, k / 2);
    }
};

bool direct(const DirectProduct<float>& product) {
    switch (product.format) {
        case PanelFormat::kF32:
            return direct_of<FloatWeights<PanelFormat::kF32>>(product);
        case PanelFormat::kF16:
            return direct_of<FloatWeights<PanelFormat::kF16>>(product);
        case PanelFormat::kBf16:
            return direct_of<FloatWeights<PanelFormat::kBf16>>(product);
        case PanelFormat::kQ4:
            return direct_of<GroupWeights<PanelFormat::kQ4>>(product);
        case PanelFormat::kQ4M:
            return direct_of<GroupWeights<PanelFormat::kQ4M>>(product);
        case PanelFormat::kQ8:
            return direct_of<GroupWeights<PanelFormat::kQ8>>(product);
        case PanelFormat::kQ4K:
            return direct_of<GroupWeights<PanelFormat::kQ4K>>(product);
        default:
            return false;
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
