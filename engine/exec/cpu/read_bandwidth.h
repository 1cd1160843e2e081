// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/exec/cpu/thread_pool.h"

namespace pitwall::engine::cpu {

/// Bytes a second that the pool's threads read together, the best of several passes over a buffer of that size (512 MB at most), which
/// lies as weights do, in the way that suits the machine best; 0 where there is no memory for it. Takes some tenths of a second.
double read_bandwidth(ThreadPool& pool, uint64_t most_bytes);

}  // namespace pitwall::engine::cpu
