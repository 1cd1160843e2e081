// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/sample/candidate.h"

namespace pitwall::engine {

/// Which vectors a pass over a vocabulary takes; bits are the same with all.
enum class ScoringVectors : uint8_t { kPlain, kAvx2, kAvx512 };
/// Those that this machine has, the widest last.
std::vector<ScoringVectors> available_scoring_vectors();

/// What sampling asks of a whole vocabulary: each token's score, the sum of all weights, and the few near the best. In blocks, of
/// which most hold none of those. Nothing is allocated once it has grown.
class ScoredBlocks {
  public:
    ScoredBlocks();  ///< with the widest vectors there are
    explicit ScoredBlocks(ScoringVectors vectors) : vectors_(vectors) {}
    /// What is not a number is infinitely far from the best, infinity the largest number. Subtracting first keeps the quotient finite
    /// however small the temperature is.
    void score(std::span<const float> logits, float best, float temperature);
    /// The sum of e^score of those at most `farthest` below the best, which is 80 or less: the same bits on every machine.
    double weigh(float farthest);
    /// After weigh(): of the same, in order of id, the one whose weight takes their sum beyond `target`; the last where none does.
    TokenId draw(double target) const;
    /// Those at most that far below the best, in order of id.
    void collect(float farthest, std::vector<Candidate>& candidates) const;

  private:
    std::span<const float> block(size_t index) const;

    ScoringVectors vectors_;
    std::vector<float> scores_;    ///< [blocks][64], minus infinity behind the last token
    std::vector<float> best_;      ///< [blocks]
    std::vector<double> weights_;  ///< [blocks], of weigh()
    float farthest_ = 0;           ///< likewise
};

}  // namespace pitwall::engine
