// SPDX-License-Identifier: GPL-3.0-or-later
//
// What other shapes need, against sums worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "panels/memory/memory_plan.h"

namespace pitwall::panels {
namespace {

using telemetry::KvDtype;

constexpr double kMib = 1024.0 * 1024.0;

const ModelShape& shape(std::string_view name) {
    const auto shapes = model_shapes();
    return *std::find_if(shapes.begin(), shapes.end(), [&](const ModelShape& s) { return s.name == name; });
}

MemoryQuestion question(std::string_view model, KvDtype kv = KvDtype::kF16) {
    MemoryQuestion q;
    q.shape = shape(model);
    q.kv = kv;
    q.device_bytes = 81'559 * kMib;  // H100
    q.context_tokens = q.shape.max_context_tokens;
    q.prompt_tokens = 1000;
    q.output_tokens = 25;  // the last one is never read: 1,024 tokens, 64 blocks
    return q;
}

TEST(MemoryPlan, BytesATokenOfKnownModels) {
    const std::pair<const char*, double> wanted[] = {
        {"Llama-3.1-8B", 131'072},     // 2 x 32 x 8 x 128 x 2
        {"Llama-3.1-70B", 327'680},    // 2 x 80 x 8 x 128 x 2
        {"Llama-2-7B", 524'288},       // 2 x 32 x 32 x 128 x 2
        {"Qwen3-8B", 147'456},         // 2 x 36 x 8 x 128 x 2
        {"Qwen3-235B-A22B", 192'512},  // 2 x 94 x 4 x 128 x 2
        {"Falcon-7B", 8'192},          // 2 x 32 x 1 x 64 x 2
        {"DeepSeek-V3", 70'272},       // 61 x (512 + 64) x 2
        {"SmolLM2-135M", 23'040},      // 2 x 30 x 3 x 64 x 2
    };
    for (const auto& [model, bytes] : wanted) {
        EXPECT_EQ(plan_memory(question(model)).token_bytes, bytes) << model;
        EXPECT_EQ(plan_memory(question(model, KvDtype::kBf16)).token_bytes, bytes) << model;
        EXPECT_EQ(plan_memory(question(model, KvDtype::kF32)).token_bytes, 2 * bytes) << model;
    }
}

/// As docs/kv-precision.md has them of the pool itself.
TEST(MemoryPlan, ScalesAreCounted) {
    EXPECT_EQ(plan_memory(question("SmolLM2-135M", KvDtype::kInt8)).token_bytes, 11'880);
    EXPECT_EQ(plan_memory(question("SmolLM2-135M", KvDtype::kFp8)).token_bytes, 11'880);
    EXPECT_EQ(plan_memory(question("SmolLM2-135M", KvDtype::kK8V4)).token_bytes, 9'540);
    EXPECT_EQ(plan_memory(question("SmolLM2-135M", KvDtype::kInt4)).token_bytes, 7'200);
    EXPECT_EQ(plan_memory(question("DeepSeek-V3", KvDtype::kFp8)).token_bytes, 61 * (576 + 2));
}

TEST(MemoryPlan, RequestsThatFit) {
    const MemoryPlan plan = plan_memory(question("Llama-3.1-8B"));
    EXPECT_EQ(plan.weight_bytes, 8'030'261'248.0 * 2);
    EXPECT_EQ(plan.request_bytes, 128 * kMib);
    EXPECT_EQ(plan.context_bytes, 131'072.0 * 131'072);
    // 81,559 x 0.9 - 15,316.51 = 58,086.59 MiB
    EXPECT_NEAR(plan.room_bytes / kMib, 58'086.59, .01);
    EXPECT_EQ(plan.requests, 453u);
    EXPECT_EQ(plan.contexts, 3u);
    EXPECT_EQ(plan.tokens, 464'692u);  // 58,086.59 MiB / 131,072 B
}

TEST(MemoryPlan, BlocksAreWhole) {
    MemoryQuestion q = question("Llama-3.1-8B");
    q.prompt_tokens = 16, q.output_tokens = 1;
    EXPECT_EQ(q.request_tokens(), 16u);
    EXPECT_EQ(plan_memory(q).request_bytes, 16 * 131'072.0);
    q.output_tokens = 2;
    EXPECT_EQ(plan_memory(q).request_bytes, 32 * 131'072.0);
    q.prompt_tokens = q.output_tokens = 0;
    EXPECT_EQ(q.request_tokens(), 1u);
}

TEST(MemoryPlan, DevicesShareWeightsAndHeads) {
    MemoryQuestion q = question("Llama-3.1-70B");
    EXPECT_FALSE(plan_memory(q).fits());
    EXPECT_EQ(plan_memory(q).requests, 0u);
    q.devices = 4;
    MemoryPlan plan = plan_memory(q);
    EXPECT_EQ(plan.weight_bytes, 70'553'706'496.0 * 2 / 4);
    EXPECT_EQ(plan.kv_heads, 2u);
    EXPECT_EQ(plan.token_bytes, 81'920);
    EXPECT_EQ(plan.whole_token_bytes, 327'680);
    q.devices = 16;  // more than KV heads: each is there twice
    plan = plan_memory(q);
    EXPECT_EQ(plan.kv_heads, 1u);
    EXPECT_EQ(plan.token_bytes, 40'960);
    // All devices keep the whole latent vector.
    q.shape = shape("DeepSeek-V3");
    EXPECT_EQ(plan_memory(q).token_bytes, 70'272);
}

TEST(MemoryPlan, AWindowKeepsItsLastTokens) {
    MemoryQuestion q = question("Gemma-3-27B", KvDtype::kBf16);
    q.prompt_tokens = 4096, q.output_tokens = 1;
    const MemoryPlan plan = plan_memory(q);
    EXPECT_EQ(plan.token_bytes, 507'904);                               // 2 x 62 x 16 x 128 x 2
    EXPECT_EQ(plan.token_beyond_window_bytes, 81'920);                  // 2 x 10 x 16 x 128 x 2
    EXPECT_EQ(plan.request_bytes, (10 * 256 + 52 * 65) * 16.0 * 8192);  // a window of 64 blocks takes 65
    // Without rounding: 10 layers keep 4,096 tokens, 52 keep 1,024.
    EXPECT_EQ(plan.tokens, uint64_t(plan.room_bytes / (8192 * (10 + 52 / 4.0))));
    q.prompt_tokens = 512;
    EXPECT_EQ(plan_memory(q).request_bytes, 62 * 32 * 16.0 * 8192);
}

TEST(MemoryPlan, TheSameModelOtherwise) {
    const ModelShape& deepseek = shape("DeepSeek-V3");
    MemoryQuestion q = question("DeepSeek-V3", KvDtype::kBf16);
    const auto bytes = [&](const ModelShape& of, AttentionKind kind) {
        q.shape = with_attention(of, kind);
        return plan_memory(q).whole_token_bytes;
    };
    EXPECT_EQ(bytes(deepseek, AttentionKind::kMha), 3'997'696);  // 2 x 61 x 128 x 128 x 2
    EXPECT_EQ(bytes(deepseek, AttentionKind::kGqa), 249'856);    // 2 x 61 x 8 x 128 x 2
    EXPECT_EQ(bytes(deepseek, AttentionKind::kMqa), 31'232);
    EXPECT_EQ(bytes(deepseek, AttentionKind::kMla), 70'272);
    const ModelShape& llama = shape("Llama-3.1-8B");
    EXPECT_EQ(bytes(llama, AttentionKind::kMha), 524'288);
    EXPECT_EQ(bytes(llama, AttentionKind::kGqa), 131'072);
    EXPECT_EQ(bytes(llama, AttentionKind::kMqa), 16'384);
    EXPECT_EQ(bytes(llama, AttentionKind::kMla), 36'864);  // 32 x (512 + 64) x 2: 2.25 KV heads
}

TEST(MemoryPlan, KindsOfAttention) {
    EXPECT_EQ(shape("Llama-2-7B").attention(), AttentionKind::kMha);
    EXPECT_EQ(shape("Llama-3.1-8B").attention(), AttentionKind::kGqa);
    EXPECT_EQ(shape("Falcon-7B").attention(), AttentionKind::kMqa);
    EXPECT_EQ(shape("DeepSeek-V3").attention(), AttentionKind::kMla);
}

/// What a field may be turned to gives numbers, never a crash or a division by nothing.
TEST(MemoryPlan, OddQuestions) {
    MemoryQuestion q;
    EXPECT_EQ(plan_memory(q).requests, 0u);
    q = question("Gemma-3-27B", KvDtype::kInt4);
    q.shape.sliding_layers = 1000;  // more than there are layers
    q.shape.head_dim = 3;
    q.devices = 0;
    const MemoryPlan plan = plan_memory(q);
    EXPECT_EQ(plan.token_beyond_window_bytes, 0);
    EXPECT_GT(plan.request_bytes, 0);
}

}  // namespace
}  // namespace pitwall::panels
