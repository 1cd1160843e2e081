// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sample/sampling_params.h"
#include "engine/sample/scored_blocks.h"
#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Buffers that sample_token() reuses, so that a token allocates nothing once they have grown. One per thread.
struct SamplerScratch {
    std::vector<float> logits;  ///< [vocab], penalised
    ScoredBlocks blocks;
    std::vector<Candidate> candidates;  ///< at most [vocab]
    std::vector<Candidate> sorted;      ///< likewise
    std::vector<double> weights;        ///< [candidates]
    std::vector<uint32_t> seen;         ///< [vocab], generation in which a token was penalised
    uint32_t generation = 0;
};

/// The token that follows, from `logits` [vocab].
///
/// Order as in vLLM: repetition penalty over the distinct tokens of `history` (Keskar et al. 2019, CTRL:
/// positive logits are divided by it, negative ones multiplied), `banned` removed, temperature, min-p (Nguyen
/// et al. 2024), top-k, top-p (Holtzman et al. 2020). Temperature 0 is greedy; ties go to the lowest id. The
/// draw inverts the cumulative distribution with one uniform number keyed by (seed, position), so it depends
/// on the request alone.
///
/// Total: NaN counts as minus infinity, plus infinity as the largest float. With nothing left to choose from
/// it gives the lowest id that is not banned. `logits` must not be empty. Ids in `history` and `banned`
/// outside the vocabulary are ignored.
TokenId sample_token(std::span<const float> logits, const SamplingParams& params,
                     std::span<const TokenId> history, std::span<const TokenId> banned, uint64_t position,
                     SamplerScratch& scratch);

/// Whether that is the largest logit's, whatever the logits are.
bool takes_largest(const SamplingParams& params, std::span<const TokenId> history,
                   std::span<const TokenId> banned);

/// What parameters come to, for devices that sample by themselves: the largest is taken, whatever the noise;
bool is_greedy(const SamplingParams& params);
/// what was said before counts less;
bool has_penalty(const SamplingParams& params);
/// and how far below the best a candidate may be after temperature: min-p as a logarithm, and never where its weight is lost
/// in the sum of all.
float farthest_candidate(const SamplingParams& params);

/// Uniform in [0, 1) with 53 bits: Philox4x32-10 (Salmon et al. 2011) with key `seed` and counter `position`.
double uniform_noise(uint64_t seed, uint64_t position);

}  // namespace pitwall::engine
