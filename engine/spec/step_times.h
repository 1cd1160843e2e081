// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

namespace pitwall::engine {

/// How long steps of so many rows take, from those that were seen; in between on the line through the neighbours.
class StepTimes {
  public:
    static constexpr uint32_t kMostRows = 1024;

    void add(uint32_t rows, double ns);
    /// A step of many rows that is not quite of the kind: it only says how steeply times go on beyond the last.
    void add_far(uint32_t rows, double ns);
    /// Times of [0, rows] rows, none shorter than the one before. Beyond the last that was seen it goes on towards what is
    /// far, at least as steeply as before it; all 0 where nothing was seen.
    void curve(uint32_t rows, std::vector<double>& out) const;
    /// A step of as many rows, within half and twice.
    bool was_seen_near(uint32_t rows) const;
    uint32_t least_seen() const;  ///< 0 where nothing was seen
    uint32_t most_seen() const { return seen_.empty() ? 0 : static_cast<uint32_t>(seen_.size() - 1); }

  private:
    struct Seen {
        uint32_t times = 0;
        double ns = 0;
    };
    double slope_beyond(uint32_t last, double last_ns) const;
    std::vector<Seen> seen_;  ///< by rows
    double far_rows_ = 0, far_ns_ = 0;
};

}  // namespace pitwall::engine
