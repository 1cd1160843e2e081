// SPDX-License-Identifier: GPL-3.0-or-later
//
// How large values are. Included after a tier's lanes; see lanes_avx512.h why all is in an anonymous namespace.
#pragma once

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES F magnitude(F x) { return max(x, sub(zero(), x)); }

/// Of `count` values, in whole vectors. What is not a number counts for nothing.
PITWALL_LANES float largest_magnitude(const float* x, uint32_t count) {
    F most = zero();
    for (uint32_t i = 0; i < count; i += 16) most = max(magnitude(load(x + i)), most);
    return horizontal_max(most);
}

}  // namespace
}  // namespace pitwall::engine::cpu
