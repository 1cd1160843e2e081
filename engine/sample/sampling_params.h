// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::engine {

struct SamplingParams {
    float temperature = 0;  ///< 0: greedy
    int32_t top_k = 0;      ///< 0: all
    float top_p = 1, min_p = 0;
    float repetition_penalty = 1;  ///< Keskar et al. 2019 (CTRL): over prompt and output
    uint64_t seed = 0;             ///< noise is keyed by seed and position, never by batch
};

}  // namespace pitwall::engine
