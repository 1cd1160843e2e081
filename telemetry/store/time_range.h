// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::telemetry {

/// A range of session time, half open: [begin_ns, end_ns).
struct TimeRange {
    int64_t begin_ns = 0, end_ns = 0;
    bool contains(int64_t t_ns) const { return t_ns >= begin_ns && t_ns < end_ns; }
};

}  // namespace pitwall::telemetry
