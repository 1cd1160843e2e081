// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/slider_map.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {

namespace {
constexpr double kOffZone = 0.05;
}

SliderMap::SliderMap(const presets::KnobSpec& spec) : spec_(spec) {
    off_zone_ = spec.logarithmic && spec.minimum <= 0;
    const double smallest = spec.step > 0 ? spec.step : (spec.maximum - std::max(0.0, spec.minimum)) / 1000;
    log_low_ = off_zone_ ? std::min(smallest, spec.maximum / 2) : spec.minimum;
}

bool SliderMap::integral() const { return spec_.type != presets::KnobType::kReal; }

double SliderMap::snap(double value) const {
    value = std::clamp(value, spec_.minimum, spec_.maximum);
    if (value == spec_.minimum || value == spec_.maximum) return value;
    const double step = spec_.step > 0 ? spec_.step : integral() ? 1 : 0;
    if (step <= 0) return value;
    // A raster of a fraction (0.1) would leave 0.30000000000000004: count in steps a unit where that is
    // whole.
    const double per_unit = std::round(1 / step);
    const bool fraction = step < 1 && std::abs(per_unit * step - 1) < 1e-9;
    const double snapped =
        fraction ? std::round(value * per_unit) / per_unit : std::round(value / step) * step;
    return std::clamp(snapped, spec_.minimum, spec_.maximum);
}

double SliderMap::position(double value) const {
    value = std::clamp(value, spec_.minimum, spec_.maximum);
    if (spec_.maximum <= spec_.minimum) return 0;
    if (!spec_.logarithmic) return (value - spec_.minimum) / (spec_.maximum - spec_.minimum);
    if (off_zone_ && value < log_low_) return 0;
    const double share = std::log(value / log_low_) / std::log(spec_.maximum / log_low_);
    return off_zone_ ? kOffZone + (1 - kOffZone) * share : share;
}

double SliderMap::value(double position) const {
    position = std::clamp(position, 0.0, 1.0);
    if (!spec_.logarithmic) return snap(spec_.minimum + position * (spec_.maximum - spec_.minimum));
    if (off_zone_ && position < kOffZone / 2) return spec_.minimum;
    const double share = off_zone_ ? std::max(0.0, (position - kOffZone) / (1 - kOffZone)) : position;
    return snap(log_low_ * std::exp(share * std::log(spec_.maximum / log_low_)));
}

double SliderMap::stepped(double value, int steps) const {
    const double step = spec_.step > 0 ? spec_.step : integral() ? 1 : (spec_.maximum - spec_.minimum) / 100;
    const double target = snap(value + steps * step);
    // From a value beside the raster (1 of 64, 128, ...) rounding may lead back to where one was.
    if (target == value && steps != 0)
        return std::clamp(value + (steps > 0 ? step : -step), spec_.minimum, spec_.maximum);
    return target;
}

}  // namespace pitwall::panels
