// SPDX-License-Identifier: GPL-3.0-or-later
//
// exp() of one tier. Included after its lanes.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/sample/exponential.h"

namespace pitwall::engine::cpu {
namespace {

/// exp(x) within 2 units in the last place, for x <= 88; below -80 it is 0, so that a product with a value of the
/// cache hardly ever underflows.
PITWALL_LANES F exponential(F x) {
    namespace e = engine::exponential;
    const F clamped = max(min(x, broadcast(88.0f)), broadcast(-80.0f));
    const F magic = broadcast(e::kMagic);
    const F shifted = fma(clamped, broadcast(e::kPerLn2), magic);
    const F n = sub(shifted, magic);
    F r = fma(n, broadcast(-e::kLn2High), clamped);
    r = fma(n, broadcast(-e::kLn2Low), r);
    F p = broadcast(e::kSeries[0]);
    unrolled<5>([&](auto i) PITWALL_LAMBDA { p = fma(p, r, broadcast(e::kSeries[i.value + 1])); });
    p = add(fma(p, mul(r, r), r), broadcast(1.0f));
    const I power = add(shift_left<23>(as_bits(shifted)), broadcast_bits(127 << 23));
    return select_less(x, broadcast(-80.0f), zero(), mul(p, as_float(power)));
}

}  // namespace
}  // namespace pitwall::engine::cpu
