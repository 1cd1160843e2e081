// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/step_times.h"

#include <algorithm>

namespace pitwall::engine {

namespace {

constexpr double kNewestTime = 1.0 / 8;  ///< weight of the newest step among those of as many rows
/// A step that was held up by something else says little: it counts as at most so many times what was usual.
constexpr double kLongest = 2.0;

}  // namespace

void StepTimes::add(uint32_t rows, double ns) {
    if (rows == 0 || rows > kMostRows || !(ns > 0)) return;
    if (seen_.size() <= rows) seen_.resize(size_t{rows} + 1);
    Seen& seen = seen_[rows];
    ++seen.times;
    if (seen.times > 3) ns = std::min(ns, kLongest * seen.ns);
    const double weight = std::max(kNewestTime, 1.0 / seen.times);
    seen.ns += weight * (ns - seen.ns);
}

void StepTimes::curve(uint32_t rows, std::vector<double>& out) const {
    out.assign(size_t{rows} + 1, 0);
    uint32_t last = 0, before = 0;
    double highest = 0;
    for (uint32_t at = 1; at < seen_.size() && last <= rows; ++at) {
        if (seen_[at].times == 0) continue;
        const double now = std::max(highest, seen_[at].ns);
        // Below the first that was seen it takes as long: too much is better than nothing at all.
        for (uint32_t i = last + 1; i <= std::min(at, rows); ++i)
            out[i] = last == 0 ? now : highest + (now - highest) * (i - last) / (at - last);
        before = last, last = at;
        highest = now;
    }
    if (last == 0 || last >= rows) return;
    double slope = slope_beyond(last, highest);
    if (before != 0) slope = std::max(slope, (highest - out[before]) / (last - before));
    for (uint32_t i = last + 1; i <= rows; ++i) out[i] = out[i - 1] + slope;
}

void StepTimes::add_far(uint32_t rows, double ns) {
    if (rows == 0 || !(ns > 0)) return;
    const double weight = far_rows_ == 0 ? 1 : kNewestTime;
    far_rows_ += weight * (rows - far_rows_);
    far_ns_ += weight * (ns - far_ns_);
}

double StepTimes::slope_beyond(uint32_t last, double last_ns) const {
    return far_rows_ > last ? std::max(0.0, far_ns_ - last_ns) / (far_rows_ - last) : 0;
}

uint32_t StepTimes::least_seen() const {
    const auto least = std::ranges::find_if(seen_, [](const Seen& seen) { return seen.times > 0; });
    return least == seen_.end() ? 0 : static_cast<uint32_t>(least - seen_.begin());
}

bool StepTimes::was_seen_near(uint32_t rows) const {
    const size_t first = (rows + 1) / 2, end = std::min<size_t>(seen_.size(), 2 * size_t{rows} + 1);
    for (size_t at = first; at < end; ++at)
        if (seen_[at].times > 0) return true;
    return false;
}

}  // namespace pitwall::engine
