// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/probe/logit_distance.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pitwall::engine {

/// KL = sum of p (log p - log q), p and q being softmaxes: one exponential for each logit.
LogitDistance distance_between(std::span<const float> reference, std::span<const float> other) {
    assert(reference.size() == other.size() && !reference.empty());
    const auto best = std::max_element(reference.begin(), reference.end());
    const auto other_best = std::max_element(other.begin(), other.end());
    const double most = static_cast<double>(*best), other_most = static_cast<double>(*other_best);
    double sum = 0, other_sum = 0, weighted = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
        const double x = static_cast<double>(reference[i]) - most;
        const double y = static_cast<double>(other[i]) - other_most;
        const double weight = std::exp(x);
        sum += weight;
        other_sum += std::exp(y);
        weighted += weight * (x - y);
    }
    const double kl = weighted / sum - std::log(sum) + std::log(other_sum);
    return {std::max(kl, 0.0), best - reference.begin() != other_best - other.begin()};
}

}  // namespace pitwall::engine
