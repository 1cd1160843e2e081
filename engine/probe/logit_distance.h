// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

namespace pitwall::engine {

struct LogitDistance {
    double kl = 0;      ///< Kullback-Leibler divergence of the reference from the other, in nats; not below 0
    bool flip = false;  ///< the most probable token is another
};

/// Of two rows of logits over the same vocabulary, as the distributions that their softmax gives. Sums in float64.
LogitDistance distance_between(std::span<const float> reference, std::span<const float> other);

}  // namespace pitwall::engine
