// SPDX-License-Identifier: GPL-3.0-or-later
//
// What this process takes of the machine, as the kernel counts it.
#pragma once

#include <cstdint>

namespace pitwall::app {

/// 0 where the kernel does not say.
uint64_t resident_bytes();
/// Of all threads, in the kernel and out of it.
int64_t cpu_ns();

}  // namespace pitwall::app
