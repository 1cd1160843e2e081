// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "telemetry/base/ids.h"

namespace pitwall::engine {

struct Candidate {
    float score;  ///< logit after penalty and temperature, less the best one's: at most 0
    TokenId id;
};

/// What sampling asks of a whole vocabulary: each token's score, the sum of all weights, and the few near the best. In blocks, of
/// which most hold none of those. Nothing is allocated once it has grown.
class ScoredBlocks {
  public:
    /// What is not a number is infinitely far from the best, infinity the largest number. Subtracting first keeps the quotient finite
    /// however small the temperature is.
    void score(std::span<const float> logits, float best, float temperature);
    /// The sum of e^score of those at most `farthest` below the best, which is 80 or less: the same bits on every machine.
    double weigh(float farthest);
    /// After weigh(): of the same, in order of id, the one with which their sum passes `sum`; the last where none does.
    TokenId passing(double sum) const;
    /// Those at most that far below the best, in order of id.
    void collect(float farthest, std::vector<Candidate>& candidates) const;

  private:
    std::span<const float> block(size_t index) const;

    std::vector<float> scores_;    ///< [blocks][64], minus infinity behind the last token
    std::vector<float> best_;      ///< [blocks]
    std::vector<double> weights_;  ///< [blocks], of weigh()
    float farthest_ = 0;           ///< likewise
};

}  // namespace pitwall::engine
