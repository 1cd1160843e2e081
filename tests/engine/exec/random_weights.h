// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "engine/model/model.h"

namespace pitwall::engine {

inline constexpr TensorType kAllTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                           TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ5_0,
                                           TensorType::kQ5_1, TensorType::kQ8_0, TensorType::kQ4_K,
                                           TensorType::kQ5_K, TensorType::kQ6_K};

/// Storage blocks with random contents; scales are such that values have about the given size.
std::vector<std::byte> random_blocks(TensorType type, size_t values, float size, std::mt19937& random);
/// Any bits at all, among them scales that are infinite or not numbers.
std::vector<std::byte> random_bytes(size_t bytes, std::mt19937& random);

}  // namespace pitwall::engine
