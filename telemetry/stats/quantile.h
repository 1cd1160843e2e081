// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one definition of quantiles that every figure of Pitwall uses.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pitwall::telemetry {

/// Quantile by linear interpolation between order statistics (Hyndman and Fan's type 7, NumPy's default):
/// with n samples in ascending order and h = (n - 1) * q it is x[floor h] + (h - floor h) * (x[floor h + 1] -
/// x[floor h]). `q` is in [0, 1]. NaN without samples.
double quantile(std::span<const double> sorted, double q);

/// What is said of a set of samples; NaN without samples.
struct Percentiles {
    size_t n = 0;
    double p50, p95, p99, mean, minimum, maximum;
};

/// Sorts `samples`.
Percentiles percentiles(std::vector<double>& samples);

/// Counts in bins [i * width, (i + 1) * width); the last also holds all that is larger: its label is ">= edge".
struct Histogram {
    double bin_width = 0;
    std::vector<size_t> counts;
    size_t n = 0;
    double last_edge() const {
        return counts.empty() ? 0 : bin_width * static_cast<double>(counts.size() - 1);
    }
};

/// `bins` of at least 1 with the ">=" bin, `bin_width` > 0. Negative samples count into the first bin.
Histogram histogram(std::span<const double> samples, double bin_width, size_t bins);

}  // namespace pitwall::telemetry
