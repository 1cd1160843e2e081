// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/model/model.h"

namespace pitwall::cuda {

inline constexpr uint32_t kGroupValues = 32;

/// 32 quantized values: code * scale + minimum.
struct CodeGroup {
    int8_t codes[kGroupValues];
    uint16_t scales[2],
        minima[2];  ///< binary16, of the first and the last 16; what a type does not have is zero
};

/// The groups of one storage block of a quantized type: block_values(type) / 32 of them. Codes of 4-bit types are 0 to 15.
void read_block(engine::TensorType type, const std::byte* block, CodeGroup* groups);

}  // namespace pitwall::cuda
