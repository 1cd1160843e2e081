// SPDX-License-Identifier: GPL-3.0-or-later
//
// A numeric history as `generate` prints and takes it: a list of stages, each
//     {"tokens": N, "kv_cache_dtype": [[position, "f16"], ...], "activation_dtype": [[position, "i8"], ...]}
// [position, "bf16", "amx"] where activations are bf16, for those bits depend on the kernels; without it any will do.
// tokens (of prompt and output, when the KV was thrown away) is left out of a stage that ran to the end. One that was
// computed with batch_invariant=false has "batch_invariant": [[position, "false"], ...] too, and is not taken back.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/kv/numeric_history.h"

namespace pitwall::app {

/// Gives "" or what is wrong with the value.
std::string read_numeric_history(const nlohmann::json& value, engine::NumericHistory& out);
nlohmann::ordered_json numeric_history_json(const engine::NumericHistory& history);

}  // namespace pitwall::app
