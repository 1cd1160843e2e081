// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/sim/cost_model.h"

#include <gtest/gtest.h>

namespace pitwall::engine {
namespace {

ModelConfig llama_8b() {
    ModelConfig c;
    c.name = "8b";
    c.num_layers = 32, c.hidden_size = 4096, c.num_heads = 32, c.num_kv_heads = 8, c.head_dim = 128;
    c.intermediate_size = 14336, c.vocab_size = 128256, c.tied_embeddings = false;
    return c;
}

constexpr double kKvBytes = 131072;  // 2 * 32 layers * 8 heads * 128 * 2 bytes

struct Plan {
    std::vector<TokenId> tokens = std::vector<TokenId>(8192);
    StepPlan plan;
    Plan& add(uint32_t first, uint32_t count, bool sample) {
        SequenceSlice slice;
        slice.first_position = first;
        slice.tokens = std::span(tokens).first(count);
        slice.samples = sample;
        plan.slices.push_back(slice);
        return *this;
    }
};

StepCost cost(const char* device, const StepPlan& plan, uint64_t weight_bytes = 16'000'000'000) {
    return CostModel(find_device_profile(device).value(), llama_8b(), weight_bytes, kKvBytes).cost(plan);
}

TEST(CostModel, OneDecodeReadsTheWeightsOnce) {
    Plan p;
    const StepCost c = cost("h200", p.add(0, 1, true).plan);
    // 16 GB at 0.85 of 4.8 TB/s are 3.92 ms; 32 layers of launches add 0.42 ms.
    EXPECT_NEAR(static_cast<double>(c.execute_ns), 3.9216e6 + 32 * 13e3, 2e4);
    EXPECT_NEAR(c.flops, 2.0 * (6.979e9 + 0.5253e9), 0.02e9);
    EXPECT_NEAR(c.bytes, 16e9 + 2 * kKvBytes, 1);
}

TEST(CostModel, BatchesAreNearlyFreeUntilTheRidge) {
    Plan one, many, huge;
    one.add(100, 1, true);
    for (int i = 0; i < 64; ++i) many.add(100, 1, true);
    huge.add(0, 8192, true);
    const double t1 = static_cast<double>(cost("h100", one.plan).execute_ns),
                 t64 = static_cast<double>(cost("h100", many.plan).execute_ns);
    EXPECT_LT(t64, 1.2 * t1);
    const StepCost prefill = cost("h100", huge.plan);
    // 2 * 8192 * 6.98e9 flops at 0.7 of 989 T and the causal half of attention at 0.45.
    const double matrices = 2 * (8192 * 6.979e9 + 0.5253e9) / (989e12 * 0.7),
                 attention = 4.0 * 8192 * 4096.5 * 32 * 32 * 128 / (989e12 * 0.45);
    EXPECT_NEAR(static_cast<double>(prefill.execute_ns), (matrices + attention) * 1e9 + 32 * 13e3, 1e5);
}

TEST(CostModel, LongContextsCostTheirKv) {
    Plan near, far;
    near.add(10, 1, true);
    far.add(100'000, 1, true);
    const double extra_s =
        static_cast<double>(cost("h200", far.plan).execute_ns - cost("h200", near.plan).execute_ns) * 1e-9;
    EXPECT_NEAR(extra_s, 99'990 * kKvBytes / (4800e9 * 0.85), 2e-5);
}

TEST(CostModel, RoundNumbersForHandWork) {
    Plan p;
    p.add(0, 30, false).add(5, 1, true);
    p.plan.copies.resize(3);
    const StepCost c = cost("test", p.plan);
    EXPECT_EQ(c.submit_ns, 1000);
    EXPECT_EQ(c.copy_ns, 1500);
    EXPECT_EQ(c.execute_ns, 41000);
    EXPECT_EQ(c.sample_ns, 200);
}

}  // namespace
}  // namespace pitwall::engine
