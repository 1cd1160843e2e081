// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a panel says that keys and values cost is what the engine lays out.
#include <gtest/gtest.h>

#include <utility>

#include "engine/exec/executor.h"
#include "engine/kv/kv_format.h"
#include "telemetry/kv_size.h"
#include "telemetry/names.h"

namespace pitwall::engine {
namespace {

TEST(KvSize, IsThatOfTheLayout) {
    for (uint8_t d = 0; d < static_cast<uint8_t>(KvDtype::kCount); ++d) {
        const KvDtype dtype{d};
        for (uint32_t head_dim = 2; head_dim <= 512; head_dim += 2)
            ASSERT_EQ(kv_head_layout(dtype, head_dim).bytes,
                      telemetry::kv_head_bytes(dtype, head_dim, kBlockTokens))
                << telemetry::name(dtype) << ", head of " << head_dim;
    }
}

/// K and V of one token and head of 64, worked out by hand: 128 values, and two bytes for each scale or minimum.
TEST(KvSize, OfAHeadOf64) {
    const std::pair<KvDtype, uint64_t> wanted[] = {
        {KvDtype::kF32, 128 * 4},           {KvDtype::kF16, 128 * 2},
        {KvDtype::kBf16, 128 * 2},          {KvDtype::kFp8, 128 + 2 * 2},
        {KvDtype::kInt8, 128 + 2 * 2},      {KvDtype::kK8V4, (64 + 2) + (32 + 2 * 4)},
        {KvDtype::kInt4, 2 * (32 + 2 * 4)},
    };
    for (const auto& [dtype, bytes] : wanted) {
        EXPECT_EQ(telemetry::kv_head_bytes(dtype, 64, 1), bytes) << telemetry::name(dtype);
        EXPECT_EQ(kv_head_layout(dtype, 64).bytes, 16 * bytes) << telemetry::name(dtype);
    }
}

TEST(KvSize, OfALatentVector) {
    EXPECT_EQ(telemetry::kv_latent_bytes(KvDtype::kBf16, 576, 1), 1152u);
    EXPECT_EQ(telemetry::kv_latent_bytes(KvDtype::kFp8, 576, 1), 578u);
    EXPECT_EQ(telemetry::kv_latent_bytes(KvDtype::kK8V4, 576, 16), 16 * 578u);
    EXPECT_EQ(telemetry::kv_latent_bytes(KvDtype::kInt4, 576, 1), 288u + 18 * 4);
}

}  // namespace
}  // namespace pitwall::engine
