// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace pitwall::panels {
namespace {

using telemetry::StepRow;

/// Pixels a step.
constexpr std::array kPitches = {.02, .05, .1, .2, .25, .5, 1., 2., 3., 5., 6., 8., 10., 14., 20., 28.};
constexpr int64_t kClosestNs = 10'000, kWidestNs = 60'000'000'000;

/// The next of 1, 2, 5 x 10^n above (or below) a value.
int64_t next_nice(int64_t value, bool up) {
    int64_t decade = 1;
    while (decade * 10 <= value) decade *= 10;
    const int64_t lead = value / decade;
    if (up) return lead < 2 ? 2 * decade : lead < 5 ? 5 * decade : 10 * decade;
    if (value > decade * lead) return lead >= 5 ? 5 * decade : lead >= 2 ? 2 * decade : decade;
    return lead > 5   ? 5 * decade
           : lead > 2 ? 2 * decade
           : lead > 1 ? decade
                      : std::max<int64_t>(1, decade / 2);
}

/// Held where doubles are whole numbers: step ids of a damaged recording may be anything.
int64_t floor_to_pixel(double value) {
    return static_cast<int64_t>(std::floor(std::clamp(value, 0.0, 4e15) + 1e-9));
}

int64_t end_ns(const StepRow& step) {
    constexpr int64_t kLongest = int64_t{1} << 60;
    return std::clamp(step.start_ns, -kLongest, kLongest) +
           std::clamp(step.step.duration_ns, int64_t{0}, kLongest);
}

}  // namespace

double BatchAxis::pixels_per_step() const { return kPitches[static_cast<size_t>(level_)]; }

int64_t BatchAxis::begin_of(const StepRow& step) const {
    if (mode_ == Mode::kTime) return at_time(step.start_ns);
    return floor_to_pixel(double(step.step.step_id) * pixels_per_step());
}

int64_t BatchAxis::end_of(const StepRow& step) const {
    if (mode_ == Mode::kTime) return std::max(begin_of(step) + 1, at_time(end_ns(step)));
    return std::max(begin_of(step) + 1, floor_to_pixel(double(step.step.step_id + 1) * pixels_per_step()));
}

int64_t BatchAxis::right(const Steps& steps) const {
    return follows_ && !steps.empty() ? end_of(steps.back()) : right_;
}

void BatchAxis::hold(int64_t right, const Steps& steps, int width) {
    if (steps.empty()) return follow();
    const int64_t newest = end_of(steps.back()), oldest = begin_of(steps.front()) + width;
    right_ = std::clamp(right, std::min(oldest, newest), newest);
    follows_ = right_ == newest;
}

void BatchAxis::stay_within(const Steps& steps, int width) {
    if (!follows_ && !steps.empty() && right_ <= begin_of(steps.front())) hold(right_, steps, width);
}

void BatchAxis::set_mode(Mode mode, const Steps& steps, int width) {
    if (mode == mode_) return;
    const int64_t edge = right(steps);
    const auto begins_left_of = [this](const StepRow& step, int64_t pixel) { return begin_of(step) < pixel; };
    auto last = std::lower_bound(steps.begin(), steps.end(), edge, begins_left_of);
    const auto first = std::lower_bound(steps.begin(), steps.end(), edge - width, begins_left_of);
    if (last != steps.begin()) --last;
    mode_ = mode;
    if (steps.empty()) return;
    if (mode == Mode::kTime && first <= last) {  // the same steps stay in sight
        const int64_t span = end_ns(*last) - std::max<int64_t>(0, first->start_ns);
        ns_per_pixel_ = std::clamp(next_nice(std::max<int64_t>(1, span / std::max(width, 1)), true),
                                   kClosestNs, kWidestNs);
    }
    if (!follows_) hold(end_of(*last), steps, width);
}

void BatchAxis::zoom(int levels, int64_t fixed, const Steps& steps, int width) {
    const int64_t from_right = right(steps) - fixed;
    double scale = 1;
    if (mode_ == Mode::kSteps) {
        const double before = pixels_per_step();
        level_ = std::clamp(level_ + levels, 0, static_cast<int>(kPitches.size()) - 1);
        scale = pixels_per_step() / before;
    } else {
        const int64_t before = ns_per_pixel_;
        for (int i = 0; i < std::abs(levels); ++i) ns_per_pixel_ = next_nice(ns_per_pixel_, levels < 0);
        ns_per_pixel_ = std::clamp(ns_per_pixel_, kClosestNs, kWidestNs);
        scale = double(before) / double(ns_per_pixel_);
    }
    // While it follows, the right edge is "now" and stays so.
    if (!follows_) hold(static_cast<int64_t>(double(fixed) * scale) + from_right, steps, width);
}

void BatchAxis::pan(int64_t pixels, const Steps& steps, int width) {
    hold(right(steps) - pixels, steps, width);
}

void BatchAxis::show(const StepRow& step, const Steps& steps, int width) {
    const int64_t edge = right(steps);
    if (end_of(step) > edge) hold(end_of(step), steps, width);
    if (begin_of(step) < edge - width) hold(begin_of(step) + width, steps, width);
}

}  // namespace pitwall::panels
