// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <random>

#include "presets/knob.h"

namespace pitwall::app {

/// Gaps between the arrivals of an open loop, deterministic by seed. With rate r (1/s) their mean is 1/r; their
/// coefficient of variation is 1 for poisson, 1/sqrt(shape) for gamma, 0 for constant.
class ArrivalGaps {
  public:
    explicit ArrivalGaps(uint64_t seed) : random_(seed) {}

    /// `process` is not kClosed: a closed loop has no gaps.
    int64_t next_ns(presets::ArrivalProcess process, double rate_per_s, double gamma_shape);

  private:
    std::mt19937_64 random_;
};

}  // namespace pitwall::app
