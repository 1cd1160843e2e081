// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/exec/cpu/packed_matrix.h"

namespace pitwall::engine::cpu {

constexpr uint32_t round_to_panel(uint32_t columns) {
    return (columns + kPanelRows - 1) / kPanelRows * kPanelRows;
}

/// Weight matrices that the same activations are multiplied with, as one list of panels: q|k|v, or gate and up in
/// turns. Points into matrices that must outlive it.
class Product {
  public:
    /// Adds outputs [first_column, first_column + rows of the matrix).
    void append(const PackedMatrix& matrix, uint32_t first_column);
    /// Gate and up panels in turns, so that a pair gives 16 outputs of SwiGLU.
    void append_pairs(const PackedMatrix& gate, const PackedMatrix& up);

    struct Panel {
        const std::byte* data;
        PanelFormat format;
        uint32_t column;  ///< of its first output
    };
    const std::vector<Panel>& panels() const { return panels_; }
    uint32_t k() const { return k_; }
    uint64_t bytes() const { return bytes_; }
    uint64_t macs() const { return macs_; }  ///< of one token
    bool any_quantized() const { return any_quantized_; }
    bool any_float() const { return any_float_; }
    /// As what activations stand in its tiles, times a power of two: what weights are less by, or where they differ half of that.
    int tile_exponent() const {
        return scales_tiles() ? -kSmallWeights / 2 : any_small_ ? -kSmallWeights : 0;
    }
    /// Its sums in tiles are not yet what they stand for.
    bool scales_tiles() const { return any_small_ && any_plain_; }

  private:
    void count(const PackedMatrix& matrix);

    std::vector<Panel> panels_;
    uint32_t k_ = 0;
    bool any_quantized_ = false, any_float_ = false;
    bool any_small_ = false, any_plain_ = false;  ///< in tiles
    uint64_t bytes_ = 0, macs_ = 0;
};

}  // namespace pitwall::engine::cpu
