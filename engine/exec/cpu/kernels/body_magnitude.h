// SPDX-License-Identifier: GPL-3.0-or-later
//
// How large values are. Included after a tier's lanes; see lanes_avx512.h why all is in an anonymous namespace.
#pragma once

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES F magnitude(F x) { return max(x, sub(zero(), x)); }

/// Of `count` values, in whole vectors. What is not a number counts for nothing.
PITWALL_LANES float largest_magnitude(const float* x, uint32_t count) {
    F most[4] = {zero(), zero(), zero(), zero()};  // as many chains: each link waits for the one before
    uint32_t i = 0;
    for (; i + 64 <= count; i += 64)
        for (uint32_t chain = 0; chain < 4; ++chain)
            most[chain] = max(magnitude(load(x + i + 16 * chain)), most[chain]);
    for (; i < count; i += 16) most[0] = max(magnitude(load(x + i)), most[0]);
    return horizontal_max(max(max(most[0], most[1]), max(most[2], most[3])));
}

}  // namespace
}  // namespace pitwall::engine::cpu
