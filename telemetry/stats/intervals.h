// SPDX-License-Identifier: GPL-3.0-or-later
//
// How sure a mean, a share or a quantile is, from the samples alone. Samples that follow each other are taken as
// independent, which makes intervals over neighbouring steps narrower than they should be: figures say what they are over.
#pragma once

#include <cstdint>
#include <span>

namespace pitwall::telemetry {

/// How often an interval misses: 5 % unless told. Who looks at k figures and tells of the one that stands out passes the
/// k-th part of it to each (Bonferroni).
inline constexpr double kMissed = 0.05;

/// A figure and its interval. A bound is NaN where `n` is too small for it, all is NaN where n is 0.
struct Interval {
    uint64_t n = 0;
    double value, low, high;
    bool known() const { return low == low && high == high; }
};

/// The intervals do not overlap. False where a bound is not known that would have to say so.
bool apart(const Interval& a, const Interval& b);

/// Two-sided quantile of Student's t: it lies beyond in `missed` of all cases (Hill 1970, CACM algorithm 396; to 4
/// figures). `degrees` of at least 1; below 3 they are rounded down.
double student_t(double degrees, double missed = kMissed);
/// Mean with its t interval, from two samples on.
Interval mean_interval(std::span<const double> samples);
/// Mean of the one less mean of the other, whose variances may differ (Welch 1947), with all samples as n. From two
/// samples on each side on.
Interval mean_difference(std::span<const double> before, std::span<const double> after,
                         double missed = kMissed);

/// Share `part` of `whole` with its Wilson score interval (1927), which stays within 0 and 1.
Interval wilson_interval(uint64_t part, uint64_t whole, double missed = kMissed);
/// Share `after` less share `before`, from their Wilson intervals (Newcombe 1998, Statistics in Medicine 17, method 10);
/// n of both together.
Interval share_difference(const Interval& before, const Interval& after);

/// Quantile of ascending samples with an interval between two of them, whatever they are distributed like: how many lie
/// below the true quantile is binomial (David and Nagaraja, Order Statistics, 2003, section 7.1). 0 < `q` < 1. Of a high
/// quantile few samples know no upper bound: of the 95th percentile fewer than 72, at 5 %.
Interval quantile_interval(std::span<const double> sorted, double q, double missed = kMissed);

}  // namespace pitwall::telemetry
