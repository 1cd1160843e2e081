// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pitwall::testing {

/// What stands in the panels at one moment: "latency|session|TTFT p95" to "96.0 ms".
using Sheet = std::map<std::string, std::string>;

/// The numbers of a phrase in their order, without its words: "SLO 400 ms, 6.7 % missed" to "400 6.7".
std::string numbers(const QString& phrase);
/// A number that is drawn and not written, to nine figures: sums may have been added up in another order.
std::string drawn(double value);

/// The ranges that everything is compared over: as the range control names them, or dragged over fixed seconds.
struct DraggedRange {
    const char* name;
    int64_t begin_ns, end_ns;
};
inline constexpr std::array<DraggedRange, 3> kDragged = {{{"dragged early", 3'000'000'000, 9'000'000'000},
                                                          {"dragged middle", 12'500'000'000, 19'250'000'000},
                                                          {"dragged late", 21'000'000'000, 34'500'000'000}}};

/// Where a drawing puts its numbers. It is taken from the panel, as it is no number of the session.
struct Frame {
    struct Bins {
        double unit_ns = 1, width = 1;
        size_t count = 0;
    };
    struct Points {
        std::vector<std::pair<int64_t, int64_t>> pieces;
        int64_t piece_ns = 0;
    };
    std::map<std::string, Bins> bins;            ///< by "range|metric"
    std::map<std::string, Points> points;        ///< by "throughput|range"
    uint64_t first_column = 0, last_column = 0;  ///< steps in the batch panel
    std::vector<uint64_t> read_steps;            ///< whose read-out was looked at
};

struct Shown {
    Sheet sheet;
    Frame frame;
    uint64_t last_seq = 0;
};

}  // namespace pitwall::testing
