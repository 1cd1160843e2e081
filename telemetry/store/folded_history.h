// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "telemetry/store/step_sums.h"
#include "telemetry/store/time_range.h"

namespace pitwall::telemetry {

/// What happened long ago, as sums over pieces of time ("cells") that lie within multiples of one length. The length
/// doubles when there are too many, so that a console left open for a week does not grow. Sums over ranges that cut no
/// cell are exact; snapped() makes such a range of any other. A moment at which ranges begin and end (a knob's change)
/// is kept apart with split(): no cell reaches over it.
class FoldedHistory {
  public:
    struct Cell {
        int64_t first_ns = 0, last_ns = 0;  ///< times of the first and the last thing in it
        StepSums steps;
        uint64_t output_tokens = 0, evicted_blocks = 0;
        bool cut_by(int64_t t_ns) const { return first_ns < t_ns && t_ns <= last_ns; }
    };
    static constexpr int64_t kFirstCellNs = 1'000'000'000;
    static constexpr size_t kMostCells =
        2048;  ///< and one more for each split, of which there are as many at most
    static constexpr size_t kLeastCells = 64;

    /// Its cells take about `memory_bytes` at most, within the bounds above.
    explicit FoldedHistory(size_t memory_bytes = SIZE_MAX)
        : most_cells_(std::clamp(memory_bytes / sizeof(Cell), kLeastCells, kMostCells)) {}

    /// Each in about the order of time: a moment before that of the newest cell goes to the cell where it belongs.
    void add_step(int64_t start_ns, const StepEvent& step, uint32_t block_tokens);
    void add_step(const StepRow& row, uint32_t block_tokens);
    void add_output_tokens(int64_t t_ns, uint64_t tokens);
    void add_evictions(int64_t t_ns, uint64_t blocks);
    /// What comes from `t_ns` on is kept apart from what came before. Splits must be told before what lies after them.
    void split(int64_t t_ns);

    bool empty() const { return cells_.empty(); }
    /// Every cell begins and ends within one multiple of this.
    int64_t cell_ns() const { return cell_ns_; }
    size_t memory_bytes() const {
        return cells_.capacity() * sizeof(Cell) + splits_.capacity() * sizeof(int64_t);
    }
    /// False: a cell reaches over an end of the range, so that sums count it whole or not at all.
    bool exact(TimeRange range) const { return !cut_at(range.begin_ns) && !cut_at(range.end_ns); }
    /// The range widened to the cells that it cuts.
    TimeRange snapped(TimeRange range) const;
    /// Calls `fn(cell)` for the cells that begin in `range`, oldest first.
    template <class Fn>
    void for_cells(TimeRange range, Fn&& fn) const {
        for (auto cell = from(range.begin_ns); cell != cells_.end() && cell->first_ns < range.end_ns; ++cell)
            fn(*cell);
    }

  private:
    using Cells = std::vector<Cell>;
    Cells::const_iterator from(int64_t t_ns) const;
    const Cell* cut_at(int64_t t_ns) const;
    Cell& cell_of(int64_t t_ns);
    bool together(int64_t early_ns, int64_t late_ns) const;
    void double_length();

    size_t most_cells_;
    int64_t cell_ns_ = kFirstCellNs;
    Cells cells_;                  ///< ordered, none overlapping
    std::vector<int64_t> splits_;  ///< ordered; the newest, for cells may be merged over older ones
};

}  // namespace pitwall::telemetry
