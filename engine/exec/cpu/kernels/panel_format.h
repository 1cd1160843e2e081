// SPDX-License-Identifier: GPL-3.0-or-later
//
// How weights lie in memory: panels of 16 output rows, so that a vector lane is a row and one accumulator per row
// runs over k in order, whatever the number of tokens.
//
// A panel of a quantized format is a run of groups of 32 k. A group is
//     scales | high bits | low bits
// with, for 4 low bits, four vectors of 16 32-bit lanes: byte b of a lane of vector j holds k = 4j+b in its low and
// k = 16+4j+b in its high nibble. High bits are one (5-bit formats) or two (6-bit) 32-bit lanes per row, k ascending
// from bit 0. 8-bit values are [8 quads][16 rows][4 k], so that four values of a row meet four activations in one
// instruction, as nibbles do. A K-quant puts 8 groups behind a header with the scales of its 256
// values. A panel of a float format is [k][16 rows], filled up with zeros to an even number of k; in kBf16 two k stand together,
// [k / 2][16 rows][2], as a dot product of pairs takes them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pitwall::engine::cpu {

inline constexpr uint32_t kPanelRows = 16;
inline constexpr uint32_t kGroupValues = 32;

/// kQ4, kQ5, kQ8: w = d * q with q signed. kQ4M, kQ5M: w = d * u + m. The K forms compute d and m of a group from
/// the 16-bit scales of 256 values and 6-bit (kQ6K: 8-bit) factors.
enum class PanelFormat : uint8_t { kF32, kF16, kBf16, kQ4, kQ4M, kQ5, kQ5M, kQ8, kQ4K, kQ5K, kQ6K };

enum class ScaleScheme : uint8_t { kNone, kScale, kScaleMin, kSuper, kSuper6 };

struct PanelLayout {
    ScaleScheme scales = ScaleScheme::kNone;
    uint32_t low_bits = 0, high_bits = 0;  ///< of a value
    int32_t offset = 0;                    ///< what is taken from the stored value
    uint32_t groups_per_super = 1;
    uint32_t header_bytes = 0;                                ///< before the groups of a super block
    uint32_t scale_bytes = 0, high_bytes = 0, low_bytes = 0;  ///< of a group
    uint32_t float_bytes = 0;                                 ///< of a value, where the format is a float
    uint32_t float_run = 0;                                   ///< its neighbouring k in a row

    [[gnu::always_inline]] constexpr uint32_t group_bytes() const {
        return scale_bytes + high_bytes + low_bytes;
    }
    [[gnu::always_inline]] constexpr uint32_t super_bytes() const {
        return header_bytes + groups_per_super * group_bytes();
    }
    [[gnu::always_inline]] constexpr bool is_float() const { return float_bytes != 0; }
    /// Bytes of two k of a float format.
    [[gnu::always_inline]] constexpr size_t float_pair_bytes() const {
        return size_t{2} * kPanelRows * float_bytes;
    }
    /// Which float of its panel a value is.
    [[gnu::always_inline]] constexpr size_t float_index(size_t k, size_t lane) const {
        return (k / float_run * kPanelRows + lane) * float_run + k % float_run;
    }
    /// Bytes of a panel of `columns` k.
    [[gnu::always_inline]] constexpr size_t panel_bytes(size_t columns) const {
        if (is_float()) return (columns + 1) / 2 * float_pair_bytes();
        return columns / (size_t{kGroupValues} * groups_per_super) * super_bytes();
    }
    /// Offset of a group in its panel.
    [[gnu::always_inline]] constexpr size_t group_offset(size_t group) const {
        return group / groups_per_super * super_bytes() + header_bytes +
               group % groups_per_super * group_bytes();
    }
    [[gnu::always_inline]] constexpr size_t super_offset(size_t group) const {
        return group / groups_per_super * super_bytes();
    }
};

[[gnu::always_inline]] constexpr PanelLayout float_layout(uint32_t bytes, uint32_t run) {
    PanelLayout layout;
    layout.float_bytes = bytes;
    layout.float_run = run;
    return layout;
}

[[gnu::always_inline]] constexpr PanelLayout integer_layout(ScaleScheme scales, uint32_t low_bits,
                                                            uint32_t high_bits, int32_t offset) {
    PanelLayout layout;
    const bool super = scales == ScaleScheme::kSuper || scales == ScaleScheme::kSuper6;
    layout.scales = scales;
    layout.low_bits = low_bits;
    layout.high_bits = high_bits;
    layout.offset = offset;
    layout.groups_per_super = super ? 8 : 1;
    layout.header_bytes = scales == ScaleScheme::kSuper ? 64 : scales == ScaleScheme::kSuper6 ? 32 : 0;
    layout.scale_bytes = scales == ScaleScheme::kScaleMin ? 64 : 32;
    layout.high_bytes = high_bits * kGroupValues * kPanelRows / 8;
    layout.low_bytes = low_bits * kGroupValues * kPanelRows / 8;
    return layout;
}

[[gnu::always_inline]] constexpr PanelLayout layout_of(PanelFormat format) {
    switch (format) {
        case PanelFormat::kF32:
            return float_layout(4, 1);
        case PanelFormat::kF16:
            return float_layout(2, 1);
        case PanelFormat::kBf16:
            return float_layout(2, 2);
        case PanelFormat::kQ4:
            return integer_layout(ScaleScheme::kScale, 4, 0, 8);
        case PanelFormat::kQ4M:
            return integer_layout(ScaleScheme::kScaleMin, 4, 0, 0);
        case PanelFormat::kQ5:
            return integer_layout(ScaleScheme::kScale, 4, 1, 16);
        case PanelFormat::kQ5M:
            return integer_layout(ScaleScheme::kScaleMin, 4, 1, 0);
        case PanelFormat::kQ8:
            return integer_layout(ScaleScheme::kScale, 8, 0, 0);
        case PanelFormat::kQ4K:
            return integer_layout(ScaleScheme::kSuper, 4, 0, 0);
        case PanelFormat::kQ5K:
            return integer_layout(ScaleScheme::kSuper, 4, 1, 0);
        case PanelFormat::kQ6K:
            return integer_layout(ScaleScheme::kSuper6, 4, 2, 32);
    }
    return {};
}

static_assert(layout_of(PanelFormat::kQ4M).panel_bytes(32) == 320, "the file's own 5 bits a weight");

}  // namespace pitwall::engine::cpu
