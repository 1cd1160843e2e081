// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sixteen vectors become one, each folded by itself, for tiers that have nothing better. Included after the tier's lanes, in an
// anonymous namespace as there.
#pragma once

namespace pitwall::engine::cpu {
namespace {

/// Lane i: the largest of vector i's lanes.
PITWALL_LANES F largest_of_each(const F* vectors) {
    float largest[16];
    for (int i = 0; i < 16; ++i) largest[i] = horizontal_max(vectors[i]);
    return load(largest);
}
/// Lane i: the sum of vector i's lanes, which float holds exactly.
PITWALL_LANES I sum_of_each(const I* vectors) {
    float sums[16];
    for (int i = 0; i < 16; ++i) sums[i] = horizontal_sum(to_float(vectors[i]));
    return to_int(load(sums));
}

}  // namespace
}  // namespace pitwall::engine::cpu
