// SPDX-License-Identifier: GPL-3.0-or-later
//
// What concerns the session as a whole: keyframes, deadlines, a lost step, its end.
#include <gmock/gmock.h>

#include <limits>

#include "tests/engine/core/forwarding_executor.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

TEST(Session, EndsWhatIsUnfinished) {
    Rig rig(with({}));
    rig.submit(prompt_of(4, 1), 100);
    rig.engine->step();
    rig.engine->publish_end();
    rig.collect();
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kCancelled);
    EXPECT_EQ(rig.events.back().kind, EventKind::kMark);
    EXPECT_EQ(rig.events.back().mark.mark, MarkKind::kSessionEnd);
    rig.audit.expect_all_ended();
}

TEST(Session, KeyframesComeByThemselves) {
    Rig rig(with({{KnobId::kKeyframeIntervalSteps, 16}}));
    rig.submit(prompt_of(4, 1), 64);
    rig.finish();
    size_t begins = 0;
    for (const Event& e : rig.of(EventKind::kKeyframe)) begins += e.keyframe.part == KeyframePart::kBegin;
    EXPECT_EQ(begins, 1u + 64 / 16);
}

TEST(Session, DeadlineIsToldToTheLoop) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 1}}));
    EXPECT_EQ(rig.engine->next_deadline_ns(), std::numeric_limits<int64_t>::max());
    GenerationRequest request = ask(prompt_of(4, 1), 100);
    request.timeout_ns = 5000;
    const Answered& answer = rig.submit(request);
    EXPECT_EQ(rig.engine->next_deadline_ns(), 5000);
    rig.engine->pause();
    EXPECT_EQ(rig.engine->next_deadline_ns(), std::numeric_limits<int64_t>::max());
    rig.clock.advance(1000);
    rig.engine->resume();
    EXPECT_EQ(rig.engine->next_deadline_ns(), 6000);
    rig.clock.advance(5000);
    rig.engine->idle_tick();
    EXPECT_EQ(answer.reason, FinishReason::kTimeout);
    EXPECT_FALSE(rig.engine->has_work());
}

/// A device that is lost at one step.
class Failing final : public ForwardingExecutor {
  public:
    Failing(std::unique_ptr<Executor> inner, uint64_t at) : ForwardingExecutor(std::move(inner)), at_(at) {}
    Ticket submit(const StepPlan& plan) override {
        fails_ = raw(plan.id) == at_;
        return ForwardingExecutor::submit(plan);
    }
    StepResult collect(Ticket ticket) override {
        StepResult result = ForwardingExecutor::collect(ticket);
        if (fails_) {
            result.sampled.clear();
            result.status = Error{"the device was lost", ""};
        }
        return result;
    }

  private:
    uint64_t at_;
    bool fails_ = false;
};

TEST(Session, ALostStepFailsItsMembersAndTheEngineGoesOn) {
    Rig rig(with({}));
    SimOptions sim;
    sim.clock = &rig.clock;
    sim.verify_kv = true;
    auto inner = make_sim_executor(tiny_config(997), "test", sim);
    ASSERT_TRUE(inner.ok());
    KnobValues knobs;
    knobs.set(KnobId::kMaxNumSeqs, 2);
    rig.engine = std::make_unique<Engine>(std::make_unique<Failing>(std::move(inner).value(), 1), nullptr,
                                          knobs, rig.clock, *rig.producer, 4096);
    for (uint32_t i = 0; i < 3; ++i) rig.submit(prompt_of(40, 5), 4);
    while (rig.engine->has_work()) {
        rig.engine->step();
        ASSERT_TRUE(rig.engine->check_integrity().ok()) << rig.engine->check_integrity().error().text();
    }
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kFailed);
    EXPECT_THAT(rig.answers[1]->error, HasSubstr("lost"));
    EXPECT_EQ(rig.answers[2]->ids.size(), 4u) << rig.answers[2]->error;
}

}  // namespace
}  // namespace pitwall::engine::test
