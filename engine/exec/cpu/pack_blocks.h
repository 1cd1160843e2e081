// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/model/model.h"

namespace pitwall::engine::cpu {

/// Puts one storage block of a quantized GGUF type into its lane of a panel: `target` is the group, or the super
/// block, that the block's values belong to. Numbers move, none is computed.
void pack_block(TensorType type, const std::byte* block, std::byte* target, uint32_t lane);

}  // namespace pitwall::engine::cpu
