// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/stats/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace pitwall::telemetry {

double quantile(std::span<const double> sorted, double q) {
    if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
    const double h = static_cast<double>(sorted.size() - 1) * std::clamp(q, 0.0, 1.0);
    const auto below = static_cast<size_t>(h);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (h - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Percentiles percentiles(std::vector<double>& samples) {
    std::sort(samples.begin(), samples.end());
    const double sum = std::accumulate(samples.begin(), samples.end(), 0.0);
    Percentiles p{};
    p.n = samples.size();
    p.p50 = quantile(samples, 0.50);
    p.p95 = quantile(samples, 0.95);
    p.p99 = quantile(samples, 0.99);
    p.mean = p.n == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(p.n);
    p.minimum = quantile(samples, 0);
    p.maximum = quantile(samples, 1);
    return p;
}

Histogram histogram(std::span<const double> samples, double bin_width, size_t bins) {
    Histogram result{bin_width, std::vector<size_t>(std::max<size_t>(bins, 1)), samples.size()};
    const auto last = static_cast<double>(result.counts.size() - 1);
    for (const double sample : samples) {
        const double bin = std::min(std::floor(sample / bin_width), last);
        ++result.counts[bin > 0 ? static_cast<size_t>(bin) : 0];  // NaN is in no bin above
    }
    return result;
}

}  // namespace pitwall::telemetry
