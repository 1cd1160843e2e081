// SPDX-License-Identifier: GPL-3.0-or-later
//
// One of several GPUs runs out of memory, or is lost: nobody waits for it without end, and what the others have stays of a piece.
#include <gtest/gtest.h>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/cuda/emulated_gpus.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {
namespace {

using telemetry::KvDtype;

constexpr uint32_t kBlocks = 64;

/// Once for each rank that may fail.
class LostRank : public cuda::EmulatedGpus, public testing::WithParamInterface<uint32_t> {
  protected:
    LostRank() : model_(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 3) {
        options_.devices = {1, 3};
        options_.kv_cache_memory_bytes = kBlocks * kv_bytes_per_block(KvDtype::kF16, model_.config());
    }
    void SetUp() override {
        EmulatedGpus::SetUp();
        cuda::host_faults().device = device();
    }
    uint32_t device() const { return options_.devices[GetParam()]; }
    std::string told() const { return "cuda:" + std::to_string(device()) + ": "; }
    ExecutorHand hand() const {
        return {make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), kBlocks};
    }
    StepPlan plan() const {
        SequenceSlice slice;
        slice.tokens = slice.history = tokens_;
        slice.block_table = table_;
        slice.samples = 1;
        return {StepId{}, {}, {slice}};
    }
    static void expect_told(const Status& status, const std::string& words) {
        ASSERT_FALSE(status.ok());
        EXPECT_NE(status.error().text().find(words), std::string::npos) << status.error().text();
    }

    TestModel model_;
    CudaOptions options_;
    std::vector<TokenId> tokens_ = std::vector<TokenId>(20, 5);
    std::vector<BlockId> table_ = blocks_from(0, 3);
};
INSTANTIATE_TEST_SUITE_P(EachRank, LostRank, testing::Values(0u, 1u));

TEST_P(LostRank, NoMemoryForTheModel) {
    cuda::host_faults().allocations_fail = true;
    const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model_, options_);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().text().find(told()), std::string::npos) << made.error().text();
}

/// Nobody has begun: the step fails on all of them, and the next one works.
TEST_P(LostRank, NoMemoryForAStep) {
    ExecutorHand hand = this->hand();
    cuda::host_faults().allocations_fail = true;
    expect_told(hand.run(plan()).status, told() + "partial results of attention");
    EXPECT_TRUE(hand.executor().status().ok());
    cuda::host_faults().allocations_fail = false;
    EXPECT_EQ(hand.run(plan()).sampled, this->hand().run(plan()).sampled);
}

/// The same while others wait for what was begun before.
TEST_P(LostRank, NoMemoryForAStepBehindAnother) {
    ExecutorHand hand = this->hand();
    const auto want = hand.run(plan()).sampled;
    const Ticket first = hand.executor().submit(plan());
    tokens_.assign(40, 5);
    StepPlan larger = plan();  // its first parts of attention are more than there is room for
    larger.slices.assign(40, larger.slices[0]);
    cuda::host_faults().allocations_fail = true;
    const Ticket second = hand.executor().submit(larger);
    cuda::host_faults().allocations_fail = false;
    EXPECT_EQ(hand.executor().collect(first).sampled, want);
    expect_told(hand.executor().collect(second).status, told());
    EXPECT_TRUE(hand.executor().status().ok());
}

/// It is converted everywhere or nowhere.
TEST_P(LostRank, NoMemoryForAConversion) {
    ExecutorHand hand = this->hand();
    const auto want = hand.run(plan()).sampled;
    cuda::host_faults().allocations_fail = true;
    expect_told(hand.executor().convert_kv(KvDtype::kInt8, kBlocks, table_), told());
    cuda::host_faults().allocations_fail = false;
    EXPECT_EQ(hand.executor().kv_cache_dtype(), KvDtype::kF16);
    EXPECT_EQ(hand.run(plan()).sampled, want);
}

TEST_P(LostRank, NoMemoryForATextBesideThePool) {
    ExecutorHand hand = this->hand();
    const std::vector<float*> logits(tokens_.size(), nullptr);
    const auto score = [&] { return hand.executor().score_beside(KvDtype::kInt8, tokens_, 0, logits); };
    cuda::host_faults().allocations_fail = true;
    expect_told(score(), told() + "the KV cache");
    cuda::host_faults().allocations_fail = false;
    EXPECT_TRUE(hand.executor().status().ok());
    EXPECT_TRUE(score().ok());
}

TEST_P(LostRank, NoMemoryForFasterProducts) {
    ExecutorHand hand = this->hand();
    const auto want = hand.logits(tokens_, 20, table_);
    const uint64_t bytes = hand.executor().activation_bytes();
    cuda::host_faults().allocations_fail = true;
    expect_told(hand.executor().set_batch_invariant(false), told());
    cuda::host_faults().allocations_fail = false;
    EXPECT_EQ(hand.executor().activation_bytes(), bytes);
    EXPECT_EQ(hand.logits(tokens_, 20, table_), want);
}

void expect_lost(ExecutorHand& hand, const StepPlan& plan, const std::string& told) {
    for (int again = 0; again < 3; ++again) {
        const StepResult lost = hand.run(plan);
        ASSERT_FALSE(lost.status.ok());
        EXPECT_NE(lost.status.error().text().find(told), std::string::npos) << lost.status.error().text();
        ASSERT_FALSE(hand.executor().status().ok());
        EXPECT_NE(hand.executor().status().error().what.find(told), std::string::npos);
    }
    EXPECT_FALSE(hand.executor().convert_kv(KvDtype::kInt8, kBlocks, {}).ok());
}

/// It was not even asked for: the others wait for it.
TEST_P(LostRank, ACollectiveThatFailsLosesAll) {
    ExecutorHand hand = this->hand();
    ASSERT_TRUE(hand.run(plan()).status.ok());
    cuda::host_faults().next_collective_fails = true;
    expect_lost(hand, plan(), told() + "a collective failed");
}

/// While the others wait for its part of a sum. Once all have let go, it works anew.
TEST_P(LostRank, OneThatIsLostIsTheLossOfAll) {
    std::vector<TokenId> want;
    for (int life = 0; life < 3; ++life) {
        ExecutorHand hand = this->hand();
        const auto got = hand.run(plan()).sampled;
        if (life == 0) want = got;
        EXPECT_EQ(got, want);
        cuda::host_faults().plans_until_lost = 1;
        expect_lost(hand, plan(), told() + "the device was lost");
    }
}

TEST_P(LostRank, OneThatIsLostBetweenStepsToo) {
    ExecutorHand hand = this->hand();
    ASSERT_TRUE(hand.run(plan()).status.ok());
    cuda::host_faults().device_lost = true;
    expect_lost(hand, plan(), told() + "the device was lost");
}

/// With one GPU a step whose wait failed is that step's loss. Here what the others have done for it cannot be taken back.
TEST_P(LostRank, AWaitThatFailsLosesAll) {
    ExecutorHand hand = this->hand();
    const Ticket first = hand.executor().submit(plan()), second = hand.executor().submit(plan());
    cuda::host_faults().next_wait_fails = true;
    expect_told(hand.executor().collect(first).status, told() + "the device failed");
    EXPECT_FALSE(hand.executor().collect(second).status.ok());
    EXPECT_FALSE(hand.executor().status().ok());
}

}  // namespace
}  // namespace pitwall::engine
