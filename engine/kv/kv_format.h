// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/kv/kv_layout.h"
#include "engine/model/model_config.h"
#include "presets/knob.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::KvDtype;

std::optional<KvDtype> kv_dtype_named(std::string_view word);  ///< as telemetry::name() spells it
/// What the knob kv_cache_dtype says, by a value of it.
KvDtype kv_dtype_of_choice(double choice);
/// The same, of the value that it has.
KvDtype kv_dtype_of(const presets::KnobValues& knobs);

/// Its value for that.
double kv_dtype_choice(KvDtype dtype);

/// `head_dim` is even (rotary embedding works on pairs).
KvHeadLayout kv_head_layout(KvDtype dtype, uint32_t head_dim);
/// 16 tokens over all layers and KV heads, scales included.
uint64_t kv_bytes_per_block(KvDtype dtype, const ModelConfig& config);

}  // namespace pitwall::engine
