// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/packed_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/exec/cpu/pack_blocks.h"
#include "engine/model/half.h"

namespace pitwall::engine::cpu {
namespace {

template <class Value>
Value read_at(const std::byte* p, size_t index) {
    Value value;
    std::memcpy(&value, p + index * sizeof(Value), sizeof value);
    return value;
}

float read_half(const std::byte* p, size_t index) { return half_to_float(read_at<uint16_t>(p, index)); }

void pack_float_row(const TensorView& view, uint32_t row, const PanelLayout& layout, std::byte* panel) {
    const size_t width = layout.float_bytes;
    const std::byte* source = view.data + size_t{row} * view.columns * width;
    for (uint32_t k = 0; k < view.columns; ++k)
        std::memcpy(panel + layout.float_index(k, row % kPanelRows) * width, source + k * width, width);
}

void pack_quantized_row(const TensorView& view, uint32_t row, PanelFormat format, std::byte* panel) {
    const PanelLayout layout = layout_of(format);
    const std::byte* source = view.data + size_t{row} * row_bytes(view.type, view.columns);
    const uint32_t lane = row % kPanelRows;
    for (uint32_t k = 0; k < view.columns; k += block_values(view.type), source += block_bytes(view.type)) {
        pack_block(view.type, source, panel + layout.super_offset(k / kGroupValues), lane);
    }
}

struct GroupScales {
    float d, m, d2;
};

GroupScales scales_of(const PanelLayout& layout, const std::byte* panel, uint32_t group_index,
                      uint32_t lane) {
    const std::byte* group = panel + layout.group_offset(group_index);
    const std::byte* header = panel + layout.super_offset(group_index);
    switch (layout.scales) {
        case ScaleScheme::kNone:
            break;
        case ScaleScheme::kScale:
            return {read_half(group, lane), 0, 0};
        case ScaleScheme::kScaleMin:
            return {read_half(group, lane), read_half(group, kPanelRows + lane), 0};
        case ScaleScheme::kSuper:
            return {read_half(header, lane) * static_cast<float>(read_at<uint8_t>(group, lane)),
                    -read_half(header, kPanelRows + lane) *
                        static_cast<float>(read_at<uint8_t>(group, kPanelRows + lane)),
                    0};
        case ScaleScheme::kSuper6:
            return {read_half(header, lane) * static_cast<float>(read_at<int8_t>(group, lane)), 0,
                    read_half(header, lane) * static_cast<float>(read_at<int8_t>(group, kPanelRows + lane))};
    }
    return {};
}

int32_t stored_value(const PanelLayout& layout, const std::byte* group, uint32_t k, uint32_t lane) {
    const std::byte* high = group + layout.scale_bytes;
    const std::byte* low = high + layout.high_bytes;
    if (layout.low_bits == 8) return read_at<int8_t>(low, (k / 4 * kPanelRows + lane) * 4 + k % 4);
    const auto byte = read_at<uint8_t>(low, k % 16 / 4 * 64 + lane * 4 + k % 4);
    int32_t value = k < 16 ? byte & 15 : byte >> 4;
    if (layout.high_bits != 0) {
        const uint32_t per_word = 32 / layout.high_bits;
        const auto word = read_at<uint32_t>(high, k / per_word * kPanelRows + lane);
        value |=
            static_cast<int32_t>(word >> (layout.high_bits * (k % per_word)) & ((1u << layout.high_bits) - 1))
            << 4;
    }
    return value - layout.offset;
}

float float_value(PanelFormat format, const std::byte* panel, size_t index) {
    if (format == PanelFormat::kF32) return read_at<float>(panel, index);
    const auto bits = read_at<uint16_t>(panel, index);
    return format == PanelFormat::kF16 ? half_to_float(bits) : bfloat16_to_float(bits);
}

Error wrong_shape(const TensorView& view, const char* what) {
    return {fmt::format("{} of {} x {} {} holds {} bytes, which do not fit its shape", what, view.rows,
                        view.columns, tensor_type_name(view.type), view.bytes),
            "the model file is damaged; fetch it again"};
}

}  // namespace

PanelFormat panel_format_of(TensorType type) {
    switch (type) {
        case TensorType::kF32:
            return PanelFormat::kF32;
        case TensorType::kF16:
            return PanelFormat::kF16;
        case TensorType::kBF16:
            return PanelFormat::kBf16;
        case TensorType::kQ4_0:
            return PanelFormat::kQ4;
        case TensorType::kQ4_1:
            return PanelFormat::kQ4M;
        case TensorType::kQ5_0:
            return PanelFormat::kQ5;
        case TensorType::kQ5_1:
            return PanelFormat::kQ5M;
        case TensorType::kQ8_0:
            return PanelFormat::kQ8;
        case TensorType::kQ4_K:
            return PanelFormat::kQ4K;
        case TensorType::kQ5_K:
            return PanelFormat::kQ5K;
        case TensorType::kQ6_K:
            return PanelFormat::kQ6K;
    }
    return PanelFormat::kF32;
}

size_t PackedMatrix::packed_bytes(const TensorView& view) {
    const size_t panels = (size_t{view.rows} + kPanelRows - 1) / kPanelRows;
    return (panels * layout_of(panel_format_of(view.type)).panel_bytes(view.columns) + 63) / 64 * 64;
}

Result<PackedMatrix> PackedMatrix::pack(const TensorView& view, const char* what, ThreadPool& pool,
                                        std::byte* place) {
    const bool whole_blocks = view.columns % block_values(view.type) == 0;
    if (view.empty() || view.rows == 0 || view.columns == 0 || !whole_blocks ||
        view.bytes < size_t{view.rows} * row_bytes(view.type, view.columns)) {
        return wrong_shape(view, what);
    }
    PackedMatrix matrix;
    matrix.format_ = panel_format_of(view.type);
    matrix.rows_ = view.rows;
    matrix.columns_ = view.columns;
    const PanelLayout layout = layout_of(matrix.format_);
    const size_t panel_bytes = layout.panel_bytes(view.columns);
    matrix.data_ = place;
    if (place == nullptr) {
        auto own = PageBuffer::allocate(packed_bytes(view), what);
        if (!own.ok()) return own.error();
        matrix.own_ = std::move(own).value();
        matrix.data_ = matrix.own_.data();
    }
    pool.run(matrix.panels(), 4, [&](uint32_t begin, uint32_t end, uint32_t) {
        for (uint32_t row = begin * kPanelRows; row < std::min(end * kPanelRows, view.rows); ++row) {
            std::byte* panel = matrix.data_ + row / kPanelRows * panel_bytes;
            layout.is_float() ? pack_float_row(view, row, layout, panel)
                              : pack_quantized_row(view, row, matrix.format_, panel);
        }
    });
    return matrix;
}

void PackedMatrix::unpack_row(uint32_t row, float* out) const {
    const PanelLayout layout = layout_of(format_);
    const std::byte* data = panel(row / kPanelRows);
    const uint32_t lane = row % kPanelRows;
    if (layout.is_float()) {
        for (uint32_t k = 0; k < columns_; ++k)
            out[k] = float_value(format_, data, layout.float_index(k, lane));
        return;
    }
    for (uint32_t group = 0; group * kGroupValues < columns_; ++group) {
        const GroupScales scales = scales_of(layout, data, group, lane);
        const bool halves = layout.scales == ScaleScheme::kSuper6;
        for (uint32_t k = 0; k < kGroupValues; ++k) {
            const auto value =
                static_cast<float>(stored_value(layout, data + layout.group_offset(group), k, lane));
            out[group * kGroupValues + k] = (halves && k >= 16 ? scales.d2 : scales.d) * value + scales.m;
        }
    }
}

}  // namespace pitwall::engine::cpu
