// SPDX-License-Identifier: GPL-3.0-or-later
//
// Cases whose causes were worked out by hand, to the nanosecond, on the device with round numbers: handing a step over takes
// 1,000 ns, a copy 500, execution 10,000 and 1,000 a token, sampling 200 a token. A step of n tokens that samples s
// of them and copies nothing therefore takes 1,000 + (10,000 + 1,000 n) + 200 s; planning and committing take no
// virtual time. The rules are those of engine/core/attribution.h.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "engine/core/attribution.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {

using enum telemetry::Cause;

/// One stretch of a request's time.
struct Stretch {
    Cause cause;
    int64_t start_ns, length_ns;
    bool operator==(const Stretch&) const = default;
};
using Stretches = std::vector<Stretch>;

std::ostream& operator<<(std::ostream& out, const Stretch& stretch);
Stretches stretches(Rig& rig, RequestId request);

inline RequestId last(const Rig& rig) { return rig.ids.back(); }

}  // namespace pitwall::engine::test
