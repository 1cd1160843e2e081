// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/stats/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pitwall::telemetry {

namespace {
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kZ = 1.959963984540054;  ///< two-sided 95 % of the normal distribution
constexpr double kTail = 0.05;
}  // namespace

double student_t_95(double n) {
    if (n < 1.5) return 12.7062047;  // the series below begins at three
    if (n < 2.5) return 4.30265273;
    const double a = 1 / (n - .5), b = 48 / (a * a);
    double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
    const double d = ((94.5 / (b + c) - 3) / b + 1) * std::sqrt(a * M_PI / 2) * n;
    double y = std::pow(d * kTail, 2 / n);
    if (y <= .05 + a) {
        y = ((1 / (((n + 6) / (n * y) - .089 * d - .822) * (n + 2) * 3) + .5 / (n + 4)) * y - 1) * (n + 1) /
                (n + 2) +
            1 / y;
        return std::sqrt(n * y);
    }
    const double x = -kZ;
    y = x * x;
    if (n < 5) c += .3 * (n - 4.5) * (x + .6);
    c += (((.05 * d * x - 5) * x - 7) * x - 2) * x + b;
    y = (((((.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    return std::sqrt(n * std::expm1(a * y * y));
}

Interval mean_interval(std::span<const double> samples) {
    Interval result{samples.size(), kNaN, kNaN, kNaN};
    if (samples.empty()) return result;
    const auto n = static_cast<double>(samples.size());
    double sum = 0, squares = 0;
    for (const double sample : samples) sum += sample;
    result.value = sum / n;
    if (samples.size() < 2) return result;
    for (const double sample : samples) squares += (sample - result.value) * (sample - result.value);
    const double half = student_t_95(n - 1) * std::sqrt(squares / (n - 1) / n);
    result.low = result.value - half;
    result.high = result.value + half;
    return result;
}

Interval wilson_interval(uint64_t part, uint64_t whole) {
    Interval result{whole, kNaN, kNaN, kNaN};
    if (whole == 0) return result;
    const auto n = static_cast<double>(whole);
    const double p = std::min(1.0, static_cast<double>(part) / n), z2 = kZ * kZ;
    const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    result.value = p;
    result.low = p <= 0 ? 0 : middle - half;
    result.high = p >= 1 ? 1 : middle + half;
    return result;
}

}  // namespace pitwall::telemetry
