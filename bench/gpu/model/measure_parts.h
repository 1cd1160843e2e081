// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/gpu/model/parts.h"
#include "engine/exec/executor.h"

namespace pitwall::bench {

struct Effort {
    uint32_t step_tokens = 2048;  ///< most tokens of a prompt in a step
    uint32_t steps = 32;          ///< decoded in each round
    uint32_t rounds = 3;          ///< medians of these; one more goes before
};

/// Measures one part: lines of JSON, without what is the same in all lines. `kInvariant` and `kFast` turn the mode and give none.
Result<std::vector<nlohmann::ordered_json>> measure(engine::Executor& executor, const Part& part,
                                                    const Effort& effort);

}  // namespace pitwall::bench
