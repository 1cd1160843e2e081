// SPDX-License-Identifier: GPL-3.0-or-later
//
// What meets a request on arrival: limits and refusals, and what the prefix cache has of its prompt.
#include <gmock/gmock.h>

#include <limits>

#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

TEST(Admission, RefusesByNameAndNumber) {
    Rig rig(with({{KnobId::kNumKvBlocks, 48}, {KnobId::kMaxPromptTokens, 1500}}));
    EXPECT_THAT(rig.submit({}, 4).error, HasSubstr("no tokens"));
    EXPECT_THAT(rig.submit({1, 997, 2}, 4).error,
                HasSubstr("token 1 of the prompt is 997, the model has tokens 0 to 996"));
    EXPECT_THAT(rig.submit({-1}, 4).error, HasSubstr("is -1"));
    EXPECT_THAT(rig.submit(prompt_of(2000, 1), 8).error,
                HasSubstr("2000 tokens, max_prompt_tokens allows 1500"));
    EXPECT_THAT(rig.submit(prompt_of(1000, 1), 8).error, HasSubstr("need 63 KV blocks, num_kv_blocks is 48"));
    EXPECT_THAT(rig.submit(prompt_of(10, 1), 4090).error, HasSubstr("context is 4096"));
    EXPECT_THAT(rig.submit(prompt_of(10, 1), std::numeric_limits<uint32_t>::max()).error,
                HasSubstr("context is 4096"));
    for (const auto& answer : rig.answers) EXPECT_EQ(answer->reason, FinishReason::kRejected);
    const Answered& fits =
        rig.submit(prompt_of(48 * 16 - 7, 1), 8);  // the last token's own KV is never needed
    rig.finish();
    EXPECT_EQ(fits.reason, FinishReason::kLength);
    EXPECT_EQ(fits.ids.size(), 8u);
    rig.audit.expect_all_ended();
}

TEST(Admission, QueueLength) {
    Rig rig(with({{KnobId::kMaxQueueLength, 2}, {KnobId::kMaxNumSeqs, 1}}));
    for (uint32_t i = 0; i < 4; ++i) rig.submit(prompt_of(4, i), 2);
    EXPECT_THAT(rig.answers[2]->error, HasSubstr("2 requests wait already, max_queue_length allows 2"));
    EXPECT_EQ(rig.answers[3]->reason, FinishReason::kRejected);
    rig.finish();
    EXPECT_EQ(rig.answers[0]->ids.size() + rig.answers[1]->ids.size(), 4u);
}

TEST(Admission, DefaultLimitEndsAtTheContext) {
    RigOptions options = with({{KnobId::kDefaultMaxTokens, 50}});
    options.context = 40;
    Rig rig(options);
    const Answered& answer = rig.submit(prompt_of(30, 1), 0);
    EXPECT_EQ(rig.submit(prompt_of(40, 1), 0).reason, FinishReason::kRejected);
    rig.finish();
    EXPECT_EQ(answer.ids.size(), 10u);
    EXPECT_EQ(answer.reason, FinishReason::kLength);
}

TEST(Admission, CancelOfTheUnknownAndTheEnded) {
    Rig rig(with({}));
    EXPECT_THAT(rig.engine->cancel(RequestId{7}).reason, HasSubstr("request 7 is not known"));
    rig.submit(prompt_of(4, 1), 1);
    rig.finish();
    const Answer answer = rig.engine->cancel(rig.ids[0]);
    EXPECT_EQ(answer.verdict, Verdict::kRefused);
    EXPECT_THAT(answer.reason, HasSubstr("ended already"));
}

TEST(Cache, SaysWhyItMissed) {
    Rig rig(with({{KnobId::kNumKvBlocks, 8}}));
    const auto miss = [&](std::vector<TokenId> prompt) {
        rig.submit(std::move(prompt), 1);
        rig.finish();
        MissReason reason{};
        for (const Event& e : rig.of(EventKind::kRequest))
            if (e.request.request == rig.ids.back() && e.request.phase == RequestPhase::kScheduled)
                reason = e.request.miss;
        return reason;
    };
    EXPECT_EQ(miss(prompt_of(40, 1)), MissReason::kCold);
    EXPECT_EQ(miss(prompt_of(40, 1)), MissReason::kNone);
    EXPECT_EQ(miss(prompt_of(8, 1)), MissReason::kTooShort);
    EXPECT_EQ(miss(prompt_of(128, 2)), MissReason::kCold);
    EXPECT_EQ(miss(prompt_of(40, 1)), MissReason::kEvicted);
    rig.engine->set_knob(KnobId::kEnablePrefixCaching, 0, KnobOrigin::kUser);
    EXPECT_EQ(miss(prompt_of(40, 1)), MissReason::kDisabled);
}

}  // namespace
}  // namespace pitwall::engine::test
