// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a profiler's timeline calls the steps of an engine on a GPU, beside what is recorded of them.
#include <gmock/gmock.h>

#include <mutex>
#include <vector>

#include "engine/exec/cuda/runtime/host_stream.h"
#include "tests/engine/core/rig.h"
#include "tests/engine/exec/cuda/cuda_hand.h"

namespace pitwall::engine {
namespace {

using testing::ElementsAre;

constexpr uint32_t kVocab = 83;  ///< small_config()'s

class EmulatedRanges : public testing::Test {
  protected:
    EmulatedRanges() : model_(small_config(), {TensorType::kF16, TensorType::kF16}, 4) {
        cuda::range_listener() = [this](const std::string& name) {
            const std::lock_guard lock(mutex_);  // ranks have threads of their own
            names_.push_back(name);
        };
    }
    ~EmulatedRanges() override { cuda::range_listener() = nullptr; }
    EmulatedRanges(const EmulatedRanges&) = delete;
    EmulatedRanges& operator=(const EmulatedRanges&) = delete;

    std::unique_ptr<Executor> gpu() const {
        auto made = make_cuda_executor(*pitwall_cuda_plugin(), model_, options_of(model_, KvDtype::kF16, 64));
        EXPECT_TRUE(made.ok());
        return std::move(made).value();
    }
    std::vector<std::string> beginning_with(const std::string& word) {
        std::vector<std::string> found;
        for (const std::string& name : names_)
            if (name.starts_with(word)) found.push_back(name);
        return found;
    }

    TestModel model_;
    std::mutex mutex_;
    std::vector<std::string> names_;
};

/// With two plans in flight.
TEST_F(EmulatedRanges, StepsHaveTheirRecordedIds) {
    test::RigOptions options;
    options.executor = [this] { return gpu(); };
    test::Rig rig(options);
    rig.submit(test::prompt_of(20, 1, kVocab), 5);
    rig.submit(test::prompt_of(9, 2, kVocab), 3);
    rig.finish();
    std::vector<std::string> begun, waited;
    for (const telemetry::Event& event : rig.of(telemetry::EventKind::kStep)) {
        const telemetry::StepEvent& step = event.step;
        const auto is_of_it = [&](const telemetry::Event& member) {
            return member.member.step_id == step.step_id;
        };
        const auto members = rig.of(telemetry::EventKind::kStepMember);
        const auto sequences = std::count_if(members.begin(), members.end(), is_of_it);
        begun.push_back("step " + std::to_string(step.step_id) + ": " + std::to_string(sequences) +
                        " sequences, " + std::to_string(step.prefill_tokens + step.decode_tokens) +
                        " tokens");
        waited.push_back("waiting for step " + std::to_string(step.step_id));
    }
    EXPECT_GE(begun.size(), 5u);
    EXPECT_EQ(beginning_with("step"), begun);
    EXPECT_EQ(beginning_with("waiting"), waited);
}

TEST_F(EmulatedRanges, IdsAreThoseOfThePlansWhateverRanBefore) {
    ExecutorHand hand(gpu(), 64);
    const std::vector<TokenId> tokens(20, 5);
    const std::vector<BlockId> table = blocks_from(0, 2);
    SequenceSlice slice;
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.samples = 1;
    EXPECT_TRUE(hand.run({StepId{41}, {}, {slice, slice}}).status.ok());
    EXPECT_TRUE(hand.run({StepId{42}, {{BlockId{1}, BlockId{7}, 4}}, {}}).status.ok());
    EXPECT_TRUE(hand.run({kNoStep, {}, {slice}}).status.ok());
    EXPECT_THAT(names_, ElementsAre("step 41: 2 sequences, 40 tokens", "waiting for step 41",
                                    "moves before step 42: 1 blocks", "waiting for moves before step 42",
                                    "drafts: 1 sequences, 20 tokens", "waiting for drafts"));
}

}  // namespace
}  // namespace pitwall::engine
