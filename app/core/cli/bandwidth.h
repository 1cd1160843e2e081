// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::app {

/// Memory read bandwidth in bytes/s: the best of a few passes of `threads` threads over a buffer far larger than any
/// cache. Takes some tenths of a second.
double measure_read_bandwidth(uint32_t threads);

}  // namespace pitwall::app
