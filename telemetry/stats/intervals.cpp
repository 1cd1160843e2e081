// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/stats/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "telemetry/stats/quantile.h"

namespace pitwall::telemetry {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Two-sided quantile of the normal distribution, by halving.
double normal_deviate(double missed) {
    double low = 0, high = 40;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        (std::erfc(middle / std::sqrt(2)) > missed ? low : high) = middle;
    }
    return low;
}

struct Moments {
    double n = 0, mean = 0, variance = 0;
};

Moments moments(std::span<const double> samples) {
    Moments m;
    m.n = static_cast<double>(samples.size());
    for (const double sample : samples) m.mean += sample / m.n;
    for (const double sample : samples) m.variance += (sample - m.mean) * (sample - m.mean) / (m.n - 1);
    return m;
}

}  // namespace

bool apart(const Interval& a, const Interval& b) { return a.high < b.low || b.high < a.low; }

double student_t(double n, double missed) {
    if (n < 2) return 1 / std::tan(missed * M_PI / 2);
    if (n < 3) return std::sqrt(2 / (missed * (2 - missed)) - 2);  // the series below begins at three
    const double a = 1 / (n - .5), b = 48 / (a * a);
    double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
    const double d = ((94.5 / (b + c) - 3) / b + 1) * std::sqrt(a * M_PI / 2) * n;
    double y = std::pow(d * missed, 2 / n);
    if (y <= .05 + a) {
        y = ((1 / (((n + 6) / (n * y) - .089 * d - .822) * (n + 2) * 3) + .5 / (n + 4)) * y - 1) * (n + 1) /
                (n + 2) +
            1 / y;
        return std::sqrt(n * y);
    }
    const double x = -normal_deviate(missed);
    y = x * x;
    if (n < 5) c += .3 * (n - 4.5) * (x + .6);
    c += (((.05 * d * x - 5) * x - 7) * x - 2) * x + b;
    y = (((((.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    return std::sqrt(n * std::expm1(a * y * y));
}

Interval mean_interval(std::span<const double> samples) {
    Interval result{samples.size(), kNaN, kNaN, kNaN};
    if (samples.empty()) return result;
    const Moments m = moments(samples);
    result.value = m.mean;
    if (samples.size() < 2) return result;
    const double half = student_t(m.n - 1) * std::sqrt(m.variance / m.n);
    result.low = result.value - half;
    result.high = result.value + half;
    return result;
}

Interval mean_difference(std::span<const double> before, std::span<const double> after, double missed) {
    Interval result{before.size() + after.size(), kNaN, kNaN, kNaN};
    if (before.empty() || after.empty()) return result;
    const Moments b = moments(before), a = moments(after);
    result.value = a.mean - b.mean;
    if (before.size() < 2 || after.size() < 2) return result;
    const double of_b = b.variance / b.n, of_a = a.variance / a.n, of_both = of_b + of_a;
    const double degrees = of_both * of_both / (of_b * of_b / (b.n - 1) + of_a * of_a / (a.n - 1));
    const double half = of_both > 0 ? student_t(degrees, missed) * std::sqrt(of_both) : 0;
    result.low = result.value - half;
    result.high = result.value + half;
    return result;
}

Interval wilson_interval(uint64_t part, uint64_t whole, double missed) {
    Interval result{whole, kNaN, kNaN, kNaN};
    if (whole == 0) return result;
    const auto n = static_cast<double>(whole);
    const double z = normal_deviate(missed), z2 = z * z;
    const double p = std::min(1.0, static_cast<double>(part) / n);
    const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    result.value = p;
    result.low = p <= 0 ? 0 : middle - half;
    result.high = p >= 1 ? 1 : middle + half;
    return result;
}

Interval share_difference(const Interval& before, const Interval& after) {
    Interval result{before.n + after.n, after.value - before.value, kNaN, kNaN};
    result.low = result.value - std::hypot(after.value - after.low, before.high - before.value);
    result.high = result.value + std::hypot(after.high - after.value, before.value - before.low);
    return result;
}

Interval quantile_interval(std::span<const double> sorted, double q, double missed) {
    Interval result{sorted.size(), quantile(sorted, q), kNaN, kNaN};
    const auto n = static_cast<double>(sorted.size());
    double fewer =
        0;  // probability that fewer than k samples lie below the quantile, so that the k-th is above it
    double log_of_k = n * std::log1p(-q);
    for (size_t k = 0; k <= sorted.size(); ++k) {
        if (k > 0 && fewer <= missed / 2) result.low = sorted[k - 1];
        if (k > 0 && 1 - fewer <= missed / 2) {
            result.high = sorted[k - 1];
            break;
        }
        fewer += std::exp(log_of_k);
        const auto of = static_cast<double>(k);
        if (k < sorted.size()) log_of_k += std::log((n - of) / (of + 1)) + std::log(q / (1 - q));
    }
    return result;
}

}  // namespace pitwall::telemetry
