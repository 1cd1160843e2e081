// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/probe/logit_distance.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pitwall::engine {
namespace {

double log_sum_exp(std::span<const float> logits, double most) {
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x) - most);
    return most + std::log(sum);
}

}  // namespace

LogitDistance distance_between(std::span<const float> reference, std::span<const float> other) {
    assert(reference.size() == other.size() && !reference.empty());
    const auto best = std::max_element(reference.begin(), reference.end());
    const auto other_best = std::max_element(other.begin(), other.end());
    const double norm = log_sum_exp(reference, static_cast<double>(*best));
    const double other_norm = log_sum_exp(other, static_cast<double>(*other_best));
    double kl = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
        const double log_p = static_cast<double>(reference[i]) - norm;
        const double log_q = static_cast<double>(other[i]) - other_norm;
        kl += std::exp(log_p) * (log_p - log_q);
    }
    return {std::max(kl, 0.0), best - reference.begin() != other_best - other.begin()};
}

}  // namespace pitwall::engine
