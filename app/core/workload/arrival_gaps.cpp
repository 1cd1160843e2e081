// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/workload/arrival_gaps.h"

#include <algorithm>
#include <cmath>

namespace pitwall::app {

namespace {

double draw_s(std::mt19937_64& random, presets::ArrivalProcess process, double rate_per_s,
              double gamma_shape) {
    switch (process) {
        case presets::ArrivalProcess::kPoisson:
            return std::exponential_distribution<double>(rate_per_s)(random);
        case presets::ArrivalProcess::kGamma:
            return std::gamma_distribution<double>(gamma_shape, 1 / (gamma_shape * rate_per_s))(random);
        case presets::ArrivalProcess::kConstant:
        case presets::ArrivalProcess::kClosed:
            break;
    }
    return 1 / rate_per_s;
}

}  // namespace

int64_t ArrivalGaps::next_ns(presets::ArrivalProcess process, double rate_per_s, double gamma_shape) {
    constexpr double kLongest_s = 1e6;  // keeps sums of gaps far from overflow
    return std::llround(std::min(draw_s(random_, process, rate_per_s, gamma_shape), kLongest_s) * 1e9);
}

}  // namespace pitwall::app
