// SPDX-License-Identifier: GPL-3.0-or-later
//
// A device that runs out of memory, or is lost: the step fails and says why, and the executor is still there.
#include <gtest/gtest.h>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/cuda/runtime/host_stream.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {
namespace {

class EmulatedFaults : public testing::Test {
  protected:
    EmulatedFaults() : model_(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 3) {
        options_.kv_cache_memory_bytes = 64 * kv_bytes_per_block(telemetry::KvDtype::kF16, model_.config());
    }
    void TearDown() override { cuda::host_faults() = {}; }

    StepResult step(ExecutorHand& hand, const std::vector<TokenId>& tokens, std::span<const BlockId> table) {
        SequenceSlice slice;
        slice.tokens = slice.history = tokens;
        slice.block_table = table;
        slice.samples = 1;
        StepPlan plan;
        plan.slices.push_back(slice);
        return hand.run(plan);
    }

    TestModel model_;
    CudaOptions options_;
};

TEST_F(EmulatedFaults, NoMemoryForTheModel) {
    cuda::host_faults().allocations_fail = true;
    const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model_, options_);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().text().find("does not fit the device"), std::string::npos) << made.error().text();
}

TEST_F(EmulatedFaults, NoMemoryForAStep) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    const std::vector<TokenId> tokens(40, 5);
    const auto table = blocks_from(0, 3);
    cuda::host_faults().allocations_fail = true;
    EXPECT_FALSE(step(hand, tokens, table).status.ok());
    EXPECT_FALSE(hand.executor().convert_kv(telemetry::KvDtype::kInt8, 64, table).ok());
    cuda::host_faults().allocations_fail = false;
    EXPECT_TRUE(step(hand, tokens, table).status.ok());
}

TEST_F(EmulatedFaults, AFailedStepIsNoLostDevice) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    const std::vector<TokenId> tokens(20, 5);
    const auto table = blocks_from(0, 3);
    const auto want = step(hand, tokens, table).sampled;
    cuda::host_faults().next_wait_fails = true;
    EXPECT_FALSE(step(hand, tokens, table).status.ok());
    EXPECT_TRUE(hand.executor().status().ok());
    EXPECT_EQ(step(hand, tokens, table).sampled, want);
}

/// The mode stays what it was, with all that it had.
TEST_F(EmulatedFaults, NoMemoryForFasterProducts) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    const uint64_t bytes = hand.executor().activation_bytes();
    cuda::host_faults().allocations_fail = true;
    const Status refused = hand.executor().set_batch_invariant(false);
    cuda::host_faults().allocations_fail = false;
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().text().find("products by a library"), std::string::npos)
        << refused.error().text();
    EXPECT_TRUE(hand.executor().batch_invariant());
    EXPECT_EQ(hand.executor().activation_bytes(), bytes);
    EXPECT_TRUE(hand.executor().set_batch_invariant(false).ok());
}

TEST_F(EmulatedFaults, StepsGoOnWithoutGraphs) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    const std::vector<TokenId> tokens(2, 5);
    const auto table = blocks_from(0, 1);
    cuda::host_faults().graphs_fail = true;
    std::vector<TokenId> want;
    for (int again = 0; again < 5; ++again) {
        const StepResult result = step(hand, tokens, table);
        ASSERT_TRUE(result.status.ok());
        if (again == 0) want = result.sampled;
        EXPECT_EQ(result.sampled, want);
    }
}

TEST_F(EmulatedFaults, AFailingLibraryFailsTheStep) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    ASSERT_TRUE(hand.executor().set_batch_invariant(false).ok());
    const std::vector<TokenId> tokens(260, 5);
    const auto table = blocks_from(0, 17);
    const auto want = step(hand, tokens, table).sampled;
    cuda::host_faults().products_fail = true;
    const StepResult failed = step(hand, tokens, table);
    ASSERT_FALSE(failed.status.ok());
    EXPECT_NE(failed.status.error().text().find("the library of products failed"), std::string::npos);
    EXPECT_TRUE(step(hand, std::vector<TokenId>(20, 5), table).status.ok()) << "which asks no library";
    cuda::host_faults().products_fail = false;
    EXPECT_EQ(step(hand, tokens, table).sampled, want);
}

TEST_F(EmulatedFaults, ALostDeviceStaysLost) {
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
    const std::vector<TokenId> tokens(20, 5);
    const auto table = blocks_from(0, 3);
    ASSERT_TRUE(step(hand, tokens, table).status.ok());
    cuda::host_faults().plans_until_lost = 1;
    for (int again = 0; again < 3; ++again) {
        const StepResult lost = step(hand, tokens, table);
        ASSERT_FALSE(lost.status.ok());
        EXPECT_NE(lost.status.error().text().find("the device was lost"), std::string::npos);
        EXPECT_NE(hand.executor().status().error().what.find("the device was lost"), std::string::npos);
    }
    EXPECT_FALSE(hand.executor().convert_kv(telemetry::KvDtype::kInt8, 64, table).ok());
    EXPECT_FALSE(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_).ok())
        << "not while somebody has it";
}

TEST_F(EmulatedFaults, WithItsLastUserALostDeviceIsReset) {
    const std::vector<TokenId> tokens(20, 5);
    const auto table = blocks_from(0, 3);
    std::vector<TokenId> want;
    for (int life = 0; life < 3; ++life) {
        ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
        ExecutorHand other(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_), 64);
        const auto got = step(hand, tokens, table).sampled;
        if (life == 0) want = got;
        EXPECT_EQ(got, want);
        cuda::host_faults().device_lost = true;
        EXPECT_FALSE(step(hand, tokens, table).status.ok());
        EXPECT_FALSE(other.executor().status().ok()) << "it was its device too";
        EXPECT_FALSE(step(other, tokens, table).status.ok());
    }
}

TEST_F(EmulatedFaults, OneThatCannotBeResetSaysSo) {
    cuda::host_faults().device_lost = cuda::host_faults().resets_fail = true;
    const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model_, options_);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().text().find("cannot be reset"), std::string::npos) << made.error().text();
    cuda::host_faults() = {};
    EXPECT_TRUE(make_cuda_executor(*pitwall_cuda_plugin(), model_, options_).ok()) << "it is tried each time";
}

}  // namespace
}  // namespace pitwall::engine
