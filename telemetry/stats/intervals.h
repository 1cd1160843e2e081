// SPDX-License-Identifier: GPL-3.0-or-later
//
// How sure a mean or a share is, from the samples alone. Samples that follow each other are taken as independent, which
// makes intervals over neighbouring steps narrower than they should be: figures say what they are over.
#pragma once

#include <cstdint>
#include <span>

namespace pitwall::telemetry {

/// A figure and its 95 % interval. The bounds are NaN where `n` is too small for one, all is NaN where n is 0.
struct Interval {
    uint64_t n = 0;
    double value, low, high;
    bool known() const { return low == low && high == high; }
};

/// Two-sided 95 % quantile of Student's t (Hill 1970, CACM algorithm 396; to 4 figures). `degrees` of at least 1.
double student_t_95(double degrees);
/// Mean with its t interval, from two samples on.
Interval mean_interval(std::span<const double> samples);
/// Share `part` of `whole` with its Wilson score interval (1927), which stays within 0 and 1.
Interval wilson_interval(uint64_t part, uint64_t whole);

}  // namespace pitwall::telemetry
