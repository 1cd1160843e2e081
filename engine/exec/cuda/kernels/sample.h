// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sampling from rows of logits: the tokens that engine::sample_token() gives for them.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// How one row is sampled: engine::SamplingParams and what they come to, as engine/sample/sampler.h has it. All zeros: not at all.
struct SampleRow {
    double uniform;     ///< in [0, 1): engine::uniform_noise() of the request's seed and the token's position
    uint32_t wanted;    ///< 0: nothing is picked, and 0 is the result
    float temperature;  ///< 0: the best is picked
    float farthest;     ///< engine::farthest_candidate()
    float top_p;        ///< 1: all
    uint32_t top_k;     ///< 0: all
    float penalty;      ///< of the tokens that were seen
    uint32_t first_seen, num_seen;      ///< of SampleArgs::ids; each counts once, however often it is there
    uint32_t first_banned, num_banned;  ///< of the same
};

struct SampleArgs {
    const float* logits;  ///< [rows, ld]
    uint32_t ld, columns;
    const SampleRow* rows;
    /// Tokens that rows name. -1 - k stands for before[k]; those outside the vocabulary for nothing.
    const int32_t* ids;
    const int32_t* before;
    int32_t* sampled;  ///< out [rows]; apart from `before`
};
/// Shared memory that a row takes.
uint32_t sample_shared_bytes(uint32_t columns);
/// A row's token depends on that row alone: sums are of whole numbers, which have no order.
void sample_rows(Stream& stream, const SampleArgs& args, uint32_t rows);

}  // namespace pitwall::cuda
