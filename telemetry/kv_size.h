// SPDX-License-Identifier: GPL-3.0-or-later
//
// What keys and values cost in memory in each format: the one place, for the engine that lays them out and for panels that
// say what another model would need.
#pragma once

#include <cstdint>

#include "telemetry/event.h"

namespace pitwall::telemetry {

/// How K, or V, of one token and head is stored, as far as its size goes.
struct KvSideSize {
    uint32_t bits = 0;     ///< of a value
    uint32_t group = 0;    ///< values under one scale; 0: no scales
    uint32_t groups = 0;   ///< of one token and head
    uint32_t numbers = 0;  ///< binary16 numbers that a group has: 0, 1 (scale) or 2 (scale, minimum)
    /// Scales and minima of one token and head.
    uint32_t scale_bytes() const { return groups * numbers * 2; }
};
struct KvSides {
    KvSideSize k, v;
};
KvSides kv_sides(KvDtype dtype, uint32_t head_dim);

/// V's head, filled up to whole vectors of 16 values (int4: of 32, as two share a byte).
uint32_t kv_padded_value_dim(const KvSideSize& v, uint32_t head_dim);

/// Bytes of `tokens` tokens of one KV head: K, V, their scales and V's padding. `head_dim` * `tokens` is even.
uint64_t kv_head_bytes(KvDtype dtype, uint32_t head_dim, uint32_t tokens);
/// The same for attention that keeps one vector of `dim` values a token in place of K and V (MLA). K8V4 takes 8 bits: the
/// vector is both key and value.
uint64_t kv_latent_bytes(KvDtype dtype, uint32_t dim, uint32_t tokens);

}  // namespace pitwall::telemetry
