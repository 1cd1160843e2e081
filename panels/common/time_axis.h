// SPDX-License-Identifier: GPL-3.0-or-later
//
// Time and pixels, as free functions so that hit-testing is tested without a widget.
#pragma once

#include <algorithm>
#include <cstdint>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// A range of time drawn from `left` on, `width` pixels wide. An empty range or width maps everything to the
/// left edge.
struct TimeAxis {
    telemetry::TimeRange range;
    double left = 0, width = 0;
};

/// May lie outside of the axis: clip where you draw.
inline double time_to_x(const TimeAxis& axis, int64_t t_ns) {
    const int64_t span = axis.range.end_ns - axis.range.begin_ns;
    return span <= 0 ? axis.left
                     : axis.left + axis.width * (double(t_ns - axis.range.begin_ns) / double(span));
}

/// The time at a pixel, held within the range.
inline int64_t x_to_time(const TimeAxis& axis, double x) {
    const int64_t span = axis.range.end_ns - axis.range.begin_ns;
    if (span <= 0 || axis.width <= 0) return axis.range.begin_ns;
    const double share = std::clamp((x - axis.left) / axis.width, 0.0, 1.0);
    return axis.range.begin_ns + static_cast<int64_t>(share * double(span));
}

/// `range` moved by `delta_ns`, kept inside `limits` without changing its length where it fits.
inline telemetry::TimeRange moved_within(telemetry::TimeRange range, int64_t delta_ns,
                                         telemetry::TimeRange limits) {
    const int64_t length = std::min(range.end_ns - range.begin_ns, limits.end_ns - limits.begin_ns);
    const int64_t begin = std::clamp(range.begin_ns + delta_ns, limits.begin_ns, limits.end_ns - length);
    return {begin, begin + length};
}

/// The round step (1, 2, 5 x 10^n; 10, 15, 30, 60 s, ...) that puts at most `ticks` marks on `span_ns`.
inline int64_t nice_time_step(int64_t span_ns, int ticks) {
    constexpr int64_t kMs = 1'000'000, kSecond = 1'000 * kMs, kMinute = 60 * kSecond, kHour = 60 * kMinute;
    constexpr int64_t kSteps[] = {
        kMs,          2 * kMs,   5 * kMs,     10 * kMs,    20 * kMs,     50 * kMs,     100 * kMs,
        200 * kMs,    500 * kMs, kSecond,     2 * kSecond, 5 * kSecond,  10 * kSecond, 15 * kSecond,
        30 * kSecond, kMinute,   2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute, 30 * kMinute,
        kHour,        2 * kHour, 6 * kHour,   12 * kHour,  24 * kHour};
    for (const int64_t step : kSteps)
        if (span_ns / step <= ticks) return step;
    return kSteps[std::size(kSteps) - 1] * (span_ns / kSteps[std::size(kSteps) - 1] / std::max(1, ticks) + 1);
}

}  // namespace pitwall::panels
