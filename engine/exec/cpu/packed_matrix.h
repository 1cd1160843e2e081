// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exec/cpu/kernels/panel_format.h"
#include "engine/exec/cpu/memory.h"
#include "engine/exec/cpu/thread_pool.h"
#include "engine/model/model.h"

namespace pitwall::engine::cpu {

PanelFormat panel_format_of(TensorType type);

/// A weight matrix in panels of 16 rows (panel_format.h), every stored number kept as it is in the file. Rows that
/// fill up the last panel have scale zero.
class PackedMatrix {
  public:
    /// `what` names the matrix in errors. The columns must suit the storage type. At `place` there are packed_bytes() of
    /// zeros that outlive it; null: it has memory of its own.
    static Result<PackedMatrix> pack(const TensorView& view, const char* what, ThreadPool& pool,
                                     std::byte* place = nullptr);
    /// Whole cache lines.
    static size_t packed_bytes(const TensorView& view);

    uint32_t rows() const { return rows_; }
    uint32_t columns() const { return columns_; }
    uint32_t panels() const { return (rows_ + kPanelRows - 1) / kPanelRows; }
    PanelFormat format() const { return format_; }
    const std::byte* panel(uint32_t index) const {
        return data_ + index * layout_of(format_).panel_bytes(columns_);
    }
    size_t bytes() const { return panels() * layout_of(format_).panel_bytes(columns_); }
    /// One row as float32, the embedding of a token: out [columns].
    void unpack_row(uint32_t row, float* out) const;

  private:
    PanelFormat format_ = PanelFormat::kF32;
    uint32_t rows_ = 0, columns_ = 0;
    std::byte* data_ = nullptr;
    PageBuffer own_;
};

}  // namespace pitwall::engine::cpu
