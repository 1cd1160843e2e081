// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/store/folded_history.h"

#include <cstddef>

namespace pitwall::telemetry {

namespace {
int64_t slot(int64_t t_ns, int64_t length_ns) { return t_ns / length_ns - (t_ns % length_ns < 0); }
}  // namespace

void FoldedHistory::add_step(int64_t start_ns, const StepEvent& step, uint32_t block_tokens) {
    cell_of(start_ns).steps.add(step, block_tokens);
}

void FoldedHistory::add_step(const StepRow& row, uint32_t block_tokens) {
    cell_of(row.start_ns).steps.add(row, block_tokens);
}

void FoldedHistory::add_output_tokens(int64_t t_ns, uint64_t tokens) {
    cell_of(t_ns).output_tokens += tokens;
}

void FoldedHistory::add_evictions(int64_t t_ns, uint64_t blocks) { cell_of(t_ns).evicted_blocks += blocks; }

void FoldedHistory::split(int64_t t_ns) {
    if (!splits_.empty() && splits_.back() >= t_ns) return;
    splits_.push_back(t_ns);
    if (splits_.size() <= most_cells_) return;
    splits_.erase(splits_.begin(), splits_.begin() + static_cast<std::ptrdiff_t>(most_cells_ / 2));
}

FoldedHistory::Cells::const_iterator FoldedHistory::from(int64_t t_ns) const {
    return std::lower_bound(cells_.begin(), cells_.end(), t_ns,
                            [](const Cell& cell, int64_t t) { return cell.first_ns < t; });
}

const FoldedHistory::Cell* FoldedHistory::cut_at(int64_t t_ns) const {
    const auto next = from(t_ns);
    return next != cells_.begin() && std::prev(next)->cut_by(t_ns) ? &*std::prev(next) : nullptr;
}

TimeRange FoldedHistory::snapped(TimeRange range) const {
    if (const Cell* cell = cut_at(range.begin_ns)) range.begin_ns = cell->first_ns;
    // Not past the largest number, which a damaged file may hold.
    if (const Cell* cell = cut_at(range.end_ns)) range.end_ns = cell->last_ns + (cell->last_ns < INT64_MAX);
    return range;
}

/// Of one cell: in the same multiple of the length, and no split between them.
bool FoldedHistory::together(int64_t early_ns, int64_t late_ns) const {
    if (slot(early_ns, cell_ns_) != slot(late_ns, cell_ns_)) return false;
    const auto split = std::upper_bound(splits_.begin(), splits_.end(), early_ns);
    return split == splits_.end() || *split > late_ns;
}

FoldedHistory::Cell& FoldedHistory::cell_of(int64_t t_ns) {
    const auto next = std::upper_bound(cells_.begin(), cells_.end(), t_ns,
                                       [](int64_t t, const Cell& cell) { return t < cell.first_ns; });
    if (next != cells_.begin() && together(std::prev(next)->first_ns, t_ns)) {
        Cell& cell = *std::prev(next);
        cell.last_ns = std::max(cell.last_ns, t_ns);
        return cell;
    }
    if (next != cells_.end() && together(t_ns, next->first_ns)) {
        next->first_ns = t_ns;
        return *next;
    }
    if (cells_.size() >= most_cells_ + splits_.size()) {
        double_length();
        return cell_of(t_ns);
    }
    Cell fresh;
    fresh.first_ns = fresh.last_ns = t_ns;
    return *cells_.insert(next, fresh);
}

void FoldedHistory::double_length() {
    cell_ns_ *= 2;
    Cells merged;
    merged.reserve(cells_.capacity());
    for (const Cell& cell : cells_) {
        if (merged.empty() || !together(merged.back().first_ns, cell.first_ns)) {
            merged.push_back(cell);
            continue;
        }
        merged.back().last_ns = cell.last_ns;
        merged.back().steps.add(cell.steps);
        merged.back().output_tokens += cell.output_tokens;
        merged.back().evicted_blocks += cell.evicted_blocks;
    }
    cells_ = std::move(merged);
}

}  // namespace pitwall::telemetry
