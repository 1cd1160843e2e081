// SPDX-License-Identifier: GPL-3.0-or-later
//
// How kernels of one tier walk the groups of a quantized panel. Included after the tier's lanes; see there why all is in
// an anonymous namespace.
#pragma once

#include "engine/exec/cpu/kernels/fetch_ahead.h"
#include "engine/exec/cpu/kernels/panel_format.h"

namespace pitwall::engine::cpu {
namespace {

template <int kValue>
struct Index {
    static constexpr int value = kValue;
};

/// body(Index<0>), body(Index<1>), ...: loops over registers must vanish at compile time.
template <int kCount, int kFirst = 0, class Body>
PITWALL_LANES void unrolled(const Body& body) {
    if constexpr (kFirst < kCount) {
        body(Index<kFirst>{});
        unrolled<kCount, kFirst + 1>(body);
    }
}

/// Asks for what lies `ahead` bytes behind the next `kBytes` of a panel; of its end, what lies behind that.
template <size_t kBytes, int kLevel = kFirstLevel>
PITWALL_LANES void fetch(const std::byte* next, uint32_t ahead) {
    if (ahead == 0) return;
    for (size_t byte = 0; byte < kBytes; byte += 64) __builtin_prefetch(next + ahead + byte, 0, kLevel);
}

/// 32 k of one quantized panel.
template <PanelFormat kFormat>
struct Group {
    static constexpr PanelLayout kLayout = layout_of(kFormat);
    F d, m;  ///< scale; and offset, or the scale of the second 16 (kQ6K)
    const std::byte* high;
    const std::byte* low;
};

template <PanelFormat kFormat>
PITWALL_LANES Group<kFormat> open_group(const std::byte* panel, uint32_t index) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    const std::byte* group = panel + kLayout.group_offset(index);
    Group<kFormat> out{zero(), zero(), group + kLayout.scale_bytes,
                       group + kLayout.scale_bytes + kLayout.high_bytes};
    if constexpr (kLayout.scales == ScaleScheme::kScale || kLayout.scales == ScaleScheme::kScaleMin)
        out.d = load_half(group);
    if constexpr (kLayout.scales == ScaleScheme::kScaleMin) out.m = load_half(group + 32);
    if constexpr (kLayout.scales == ScaleScheme::kSuper) {
        const std::byte* header = panel + kLayout.super_offset(index);
        out.d = mul(load_half(header), to_float(load_uint8(group)));
        out.m = sub(zero(), mul(load_half(header + 32), to_float(load_uint8(group + 16))));
    }
    if constexpr (kLayout.scales == ScaleScheme::kSuper6) {
        const F d = load_half(panel + kLayout.super_offset(index));
        out.d = mul(d, to_float(load_int8(group)));
        out.m = mul(d, to_float(load_int8(group + 16)));
    }
    return out;
}

}  // namespace
}  // namespace pitwall::engine::cpu
