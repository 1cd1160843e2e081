// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/product.h"

namespace pitwall::engine::cpu {

void Product::count(const PackedMatrix& matrix) {
    k_ = matrix.columns();
    (layout_of(matrix.format()).is_float() ? any_float_ : any_quantized_) = true;
    (has_small_weights(matrix.format()) ? any_small_ : any_plain_) = true;
    bytes_ += matrix.bytes();
    macs_ += uint64_t{matrix.rows()} * matrix.columns();
}

void Product::append(const PackedMatrix& matrix, uint32_t first_column) {
    count(matrix);
    for (uint32_t i = 0; i < matrix.panels(); ++i)
        panels_.push_back({matrix.panel(i), matrix.format(), first_column + i * kPanelRows});
}

void Product::append_pairs(const PackedMatrix& gate, const PackedMatrix& up) {
    count(gate);
    count(up);
    for (uint32_t i = 0; i < gate.panels(); ++i) {
        panels_.push_back({gate.panel(i), gate.format(), i * kPanelRows});
        panels_.push_back({up.panel(i), up.format(), i * kPanelRows});
    }
}

}  // namespace pitwall::engine::cpu
