// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/model/model.h"

namespace pitwall::engine {

/// Counter-based random bits (SplitMix64, Steele et al. 2014): value `counter` of stream `key`, in any order.
inline uint64_t random_bits(uint64_t key, uint64_t counter) {
    uint64_t z = key + (counter + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/// Fills storage blocks of `type` (F32, BF16, Q4_1 or Q8_0) with values of mean 0 and the given standard deviation.
void fill_random(TensorType type, std::span<std::byte> out, uint64_t key, float deviation);
/// Norm weights (F32) in 1 +- 0.1.
void fill_norm(std::span<std::byte> out, uint64_t key);

}  // namespace pitwall::engine
