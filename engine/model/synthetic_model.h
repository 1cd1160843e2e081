// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/model/model.h"

namespace pitwall::engine {

/// Names after "synthetic:", smallest first.
std::vector<std::string_view> synthetic_shape_names();

/// Random weights of a named shape: equal for equal seeds on every machine, in the formats of the default model's
/// file (layers Q4_1, embedding and head Q8_0, norms F32). Values are uniform with standard deviation 1 /
/// sqrt(fan-in), which keeps activations near unit size and logits apart. Large shapes repeat a few random layers,
/// so that making them takes seconds. "SHAPE:bf16": all matrices in bfloat16. Without `weights_needed` the views have shapes
/// but no data.
Result<std::unique_ptr<Model>> make_synthetic_model(std::string_view words, uint64_t seed,
                                                    bool weights_needed);

/// A byte-level vocabulary of `size` tokens (at least 260): special tokens, the 256 bytes, then numbered
/// words that no text encodes to.
Vocabulary synthetic_vocabulary(uint32_t size);

}  // namespace pitwall::engine
