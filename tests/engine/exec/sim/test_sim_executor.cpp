// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/sim/sim_executor.h"

#include <gmock/gmock.h>

#include <array>

#include "engine/exec/sim/device_profile.h"

namespace pitwall::engine {
namespace {

using testing::HasSubstr;

ModelConfig shape(uint32_t layers, uint32_t hidden, uint32_t intermediate) {
    ModelConfig c;
    c.name = "shape";
    c.num_layers = layers, c.hidden_size = hidden, c.num_heads = hidden / 128, c.num_kv_heads = 8,
    c.head_dim = 128;
    c.intermediate_size = intermediate, c.vocab_size = 1000, c.tied_embeddings = false;
    return c;
}

class SimDevice : public testing::Test {
  protected:
    std::unique_ptr<Executor> make(SimOptions options = {}) {
        options.clock = &clock_;
        options.verify_kv = true;
        options.capacity_blocks = 8;
        auto made = make_sim_executor(shape(1, 256, 256), "test", options);
        EXPECT_TRUE(made.ok());
        EXPECT_TRUE(made.value()->resize_pool(8).ok());
        return std::move(made).value();
    }
    /// Tokens [first, first + count) of tokens_, through `table`.
    SequenceSlice slice(uint32_t first, uint32_t count, std::span<const BlockId> table) {
        SequenceSlice s;
        s.request = RequestId{1};
        s.tokens = std::span<const TokenId>(tokens_).subspan(first, count);
        s.first_position = first;
        s.block_table = table;
        s.samples = 1;
        s.history = std::span<const TokenId>(tokens_).first(first + count);
        return s;
    }
    static StepResult run(Executor& executor, StepPlan plan) {
        return executor.collect(executor.submit(plan));
    }

    VirtualClock clock_;
    std::vector<TokenId> tokens_ = {5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                    15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
    std::array<BlockId, 2> table_{BlockId{3}, BlockId{1}}, other_{BlockId{0}, BlockId{2}};
};

TEST_F(SimDevice, ChunksGiveTheSameAnswer) {
    auto executor = make();
    const TokenId whole =
        run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, 20, table_)}}).sampled[0];
    (void)run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, 7, other_)}});
    const StepResult rest = run(*executor, {.id = {}, .copies = {}, .slices = {slice(7, 13, other_)}});
    EXPECT_EQ(rest.sampled[0], whole);
    EXPECT_TRUE(rest.status.ok());
    tokens_[2] = 99;
    EXPECT_NE(run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, 20, table_)}}).sampled[0], whole);
}

TEST_F(SimDevice, AWrongBlockTableIsNoticed) {
    auto executor = make();
    (void)run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, 18, table_)}});
    const std::array<BlockId, 2> wrong{BlockId{4}, BlockId{1}};
    const StepResult result = run(*executor, {.id = {}, .copies = {}, .slices = {slice(18, 1, wrong)}});
    ASSERT_FALSE(result.status.ok());
    EXPECT_THAT(result.status.error().text(), HasSubstr("request 1 at position 0"));
}

TEST_F(SimDevice, CopiesBeforeItComputes) {
    auto executor = make();
    (void)run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, 16, table_)}});
    const TokenId next =
        run(*executor, {.id = {}, .copies = {}, .slices = {slice(15, 1, table_)}}).sampled[0];
    const StepResult copied = run(*executor, {.id = {},
                                              .copies = {{BlockId{3}, BlockId{7}, 15}},
                                              .slices = {slice(15, 1, std::array{BlockId{7}})}});
    EXPECT_TRUE(copied.status.ok());
    EXPECT_EQ(copied.sampled[0], next);
    EXPECT_FALSE(run(*executor, {.id = {}, .copies = {}, .slices = {slice(15, 1, std::array{BlockId{6}})}})
                     .status.ok())
        << "nothing was copied there";
}

TEST_F(SimDevice, BansAndSeeds) {
    auto executor = make();
    SequenceSlice s = slice(0, 20, table_);
    const TokenId free = run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled[0];
    const std::array<TokenId, 2> banned{free, free + 1};
    s.banned = banned;
    EXPECT_EQ(run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled[0], (free + 2) % 1000);
    s.banned = {};
    s.sampling.seed = 3;
    EXPECT_EQ(run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled[0], free)
        << "greedy knows no seed";
    s.sampling.temperature = 1;
    const TokenId third = run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled[0];
    s.sampling.seed = 4;
    EXPECT_NE(run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled[0], third);
}

TEST_F(SimDevice, SamplesAfterSeveralTokens) {
    auto executor = make();
    std::vector<TokenId> want;
    for (const uint32_t count : {18u, 19u, 20u})
        want.push_back(
            run(*executor, {.id = {}, .copies = {}, .slices = {slice(0, count, table_)}}).sampled[0]);
    SequenceSlice s = slice(0, 20, table_);
    s.samples = 3;
    EXPECT_EQ(run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled, want);
    const std::array<TokenId, 3> banned{want[0], want[1], want[2]};
    s.banned = banned;
    s.banned_before = 20;
    const auto held_back = run(*executor, {.id = {}, .copies = {}, .slices = {s}}).sampled;
    EXPECT_NE(held_back[0], want[0]);
    EXPECT_NE(held_back[1], want[1]);
    EXPECT_EQ(held_back[2], want[2]) << "position 20 may be anything again";
}

TEST_F(SimDevice, TwoPlansInFlight) {
    SimOptions options;
    options.depth = 2;
    auto executor = make(options);
    StepPlan first{.id = {}, .copies = {}, .slices = {slice(0, 18, table_)}};
    const Ticket one = executor->submit(first);
    tokens_.resize(18);
    tokens_.push_back(-1);  // what the first plan samples
    StepPlan second{.id = {}, .copies = {}, .slices = {slice(18, 1, table_)}};
    const Ticket two = executor->submit(second);
    EXPECT_EQ(clock_.now_ns(), 2000) << "handing over is all that was waited for";
    const TokenId sampled = executor->collect(one).sampled[0];
    EXPECT_EQ(clock_.now_ns(), 1000 + 28000 + 200);
    const StepResult late = executor->collect(two);
    EXPECT_TRUE(late.status.ok()) << late.status.error().text();
    EXPECT_EQ(clock_.now_ns(), 29200 + 11000 + 200) << "no gap between the two on the device";
    tokens_[18] = sampled;
    EXPECT_EQ(run(*executor, {.id = {}, .copies = {}, .slices = {slice(18, 1, table_)}}).sampled[0],
              late.sampled[0]);
}

TEST_F(SimDevice, PacedByTheWallClock) {
    WallClock wall;
    SimOptions options;
    options.clock = &wall;
    options.paced = true;
    auto made = make_sim_executor(shape(32, 4096, 14336), "a100", options);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(made.value()->resize_pool(8).ok());
    const int64_t begin_ns = wall.now_ns();
    const StepResult result = run(*made.value(), {.id = {}, .copies = {}, .slices = {slice(0, 20, table_)}});
    EXPECT_GE(wall.now_ns() - begin_ns, result.execute_ns);
}

TEST(SimDevices, CapacityIsWhatTheWeightsLeave) {
    VirtualClock clock;
    SimOptions options;
    options.clock = &clock;
    const auto h100 = make_sim_executor(shape(32, 4096, 14336), "h100", options),
               h200 = make_sim_executor(shape(32, 4096, 14336), "h200", options);
    ASSERT_TRUE(h100.ok() && h200.ok());
    EXPECT_EQ(h100.value()->bytes_per_block(), 16u * 2 * 32 * 8 * 128 * 2);
    const double left =
        0.9 * static_cast<double>(80'000'000'000 - 3'000'000'000 - h100.value()->weight_bytes());
    EXPECT_NEAR(h100.value()->capacity_blocks(), left / (16 * 131072), 1);
    EXPECT_GT(h200.value()->capacity_blocks(), h100.value()->capacity_blocks());
    EXPECT_FALSE(h100.value()->resize_pool(h100.value()->capacity_blocks() + 1).ok());
    const auto too_big = make_sim_executor(shape(80, 8192, 28672), "h100", options);
    ASSERT_FALSE(too_big.ok());
    EXPECT_THAT(too_big.error().text(), HasSubstr("has 80 GB"));
    options.weight_bytes = 70'000'000'000;
    EXPECT_TRUE(make_sim_executor(shape(80, 8192, 28672), "h200", options).ok());
}

TEST(SimDevices, UnknownNamesAndBadOptions) {
    VirtualClock clock;
    SimOptions options;
    options.clock = &clock;
    const auto unknown = make_sim_executor(shape(1, 256, 256), "h900", options);
    ASSERT_FALSE(unknown.ok());
    EXPECT_THAT(unknown.error().text(), HasSubstr("h900"));
    EXPECT_THAT(unknown.error().text(), HasSubstr("mi300x"));
    options.depth = 3;
    EXPECT_FALSE(make_sim_executor(shape(1, 256, 256), "test", options).ok());
    EXPECT_FALSE(make_sim_executor(shape(1, 256, 256), "test", {}).ok()) << "no clock";
}

}  // namespace
}  // namespace pitwall::engine
