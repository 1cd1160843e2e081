// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exec/executor.h"

namespace pitwall::app {

/// A block table for each of a few sequences that run without a scheduler: the pool becomes as large as all of them, and each has
/// blocks of its own for `max_tokens`. Fails when the device's KV memory is too small for them.
Result<std::vector<std::vector<BlockId>>> make_block_tables(engine::Executor& executor, uint32_t sequences,
                                                            uint32_t max_tokens);

}  // namespace pitwall::app
