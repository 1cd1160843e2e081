// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/read_bandwidth.h"

#include <gtest/gtest.h>

namespace pitwall::engine::cpu {
namespace {

/// Between what no machine is too slow for and what none has.
TEST(ReadBandwidth, IsOneOfAMachine) {
    for (const uint32_t threads : {1u, 2u, 3u}) {
        ThreadPool pool(threads);
        const double rate = read_bandwidth(pool, uint64_t{32} << 20);
        EXPECT_GT(rate, 1e7) << threads << " threads";
        EXPECT_LT(rate, 1e13) << threads << " threads";
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
