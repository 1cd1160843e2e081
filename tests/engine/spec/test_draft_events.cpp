// SPDX-License-Identifier: GPL-3.0-or-later
//
// What drafts are in the books: causes to the nanosecond (see tests/engine/core/attribution_case.h), kinds of work, blocks.
#include <gtest/gtest.h>

#include "tests/engine/core/attribution_case.h"
#include "tests/engine/spec/drafter_double.h"

namespace pitwall::engine::test {
namespace {

/// Drafts what it was told to, in order, and takes its time.
class Scripted final : public Drafter {
  public:
    Scripted(VirtualClock*& clock, std::vector<std::vector<TokenId>> script, int64_t takes_ns)
        : clock_(clock), script_(std::move(script)), takes_ns_(takes_ns) {}
    uint32_t draft(RequestId, std::span<const TokenId>, uint32_t most, std::vector<TokenId>& out) override {
        clock_->advance(takes_ns_);
        if (next_ == script_.size()) return 0;
        const auto& draft = script_[next_++];
        out.insert(out.end(), draft.begin(),
                   draft.begin() + static_cast<ptrdiff_t>(std::min<size_t>(most, draft.size())));
        return 0;
    }
    void end(RequestId, std::span<const TokenId>) override {}

  private:
    VirtualClock*& clock_;
    std::vector<std::vector<TokenId>> script_;
    int64_t takes_ns_;
    size_t next_ = 0;
};

std::vector<TokenId> alone(const std::vector<TokenId>& prompt, uint32_t max_tokens) {
    Rig rig(with({}));
    const Answered& answer = rig.submit(prompt, max_tokens);
    rig.finish();
    return answer.ids;
}

class Drafts : public testing::Test {
  protected:
    Rig& rig(std::vector<std::vector<TokenId>> script, int64_t takes_ns,
             std::map<KnobId, double> knobs = {}) {
        knobs.emplace(KnobId::kSpeculativeMethod, 1);
        knobs.emplace(KnobId::kSpeculativeAdaptive, 0);
        RigOptions options = with(std::move(knobs));
        options.drafters = [this, script, takes_ns](DraftMethod method) -> std::unique_ptr<Drafter> {
            if (method == DraftMethod::kNone) return nullptr;
            return std::make_unique<Scripted>(clock_, script, takes_ns);
        };
        rig_ = std::make_unique<Rig>(options);
        clock_ = &rig_->clock;
        return *rig_;
    }
    VirtualClock* clock_ = nullptr;
    std::unique_ptr<Rig> rig_;
};

TEST_F(Drafts, DraftingAndWhatIsRejectedAreSpeculation) {
    const auto prompt = prompt_of(4, 1);
    const auto ids = alone(prompt, 6);
    const TokenId wrong = (ids[2] + 1) % 997;
    Rig& r = rig({{ids[1], wrong, ids[3]}}, 700);
    const Answered& answer = r.submit(prompt, 6);
    r.finish();
    EXPECT_EQ(answer.ids, ids);
    // Step 0: 4 prompt tokens, until 15,200. Step 1: drafts for 700, hands over for 1,000, computes 4 rows in 14,000, of which
    // 2 / 4 are the token and the draft that held; samples 4 times in 800, until 31,700. Step 2 has 1 draft room for 2 more of
    // the answer's 3 and is told nothing, which takes 700 too; steps 3 and 4: room for 1, and none.
    EXPECT_EQ(stretches(r, last(r)), (Stretches{{kScheduling, 0, 1000},
                                                {kPrefillOwn, 1000, 14000},
                                                {kSampling, 15000, 200},
                                                {kSpeculation, 15200, 700},
                                                {kScheduling, 15900, 1000},
                                                {kDecode, 16900, 7000},
                                                {kSpeculation, 23900, 7000},
                                                {kSampling, 30900, 800},
                                                {kSpeculation, 31700, 700},
                                                {kScheduling, 32400, 1000},
                                                {kDecode, 33400, 11000},
                                                {kSampling, 44400, 200},
                                                {kSpeculation, 44600, 700},
                                                {kScheduling, 45300, 1000},
                                                {kDecode, 46300, 11000},
                                                {kSampling, 57300, 200},
                                                {kScheduling, 57500, 1000},
                                                {kDecode, 58500, 11000},
                                                {kSampling, 69500, 200}}));
    const auto drafts = r.of(EventKind::kDraft);
    ASSERT_EQ(drafts.size(), 1u);
    EXPECT_EQ(drafts[0].draft.drafted, 3u);
    EXPECT_EQ(drafts[0].draft.accepted, 1u);
    EXPECT_EQ(drafts[0].draft.most, 4u);
    EXPECT_EQ(drafts[0].draft.draft_ns, 700);
    EXPECT_EQ(drafts[0].draft.step_id, 1u);
    EXPECT_EQ(drafts[0].draft.method, DraftMethod::kNgram);
}

/// Virtual time stands still while the engine works: all that passes is drafting, handing over (1,000) and the device's.
TEST_F(Drafts, PlanningIsNeitherDraftingNorHandingOver) {
    const auto prompt = prompt_of(4, 1);
    const auto ids = alone(prompt, 6);
    Rig& r = rig({{ids[1], ids[2]}}, 700);
    r.submit(prompt, 6);
    r.finish();
    for (const Event& e : r.of(EventKind::kStep)) {
        EXPECT_EQ(e.step.plan_ns, 0u) << e.step.step_id;
        EXPECT_GT(e.step.execute_ns, 0) << e.step.step_id;
    }
    EXPECT_EQ(r.of(EventKind::kDraft).size(), 1u);
}

TEST_F(Drafts, AcceptedOnesAreDecodesThatCameEarly) {
    const auto prompt = prompt_of(4, 1);
    const auto ids = alone(prompt, 6);
    Rig& r = rig({{ids[1], ids[2], ids[3], ids[4]}}, 0);
    const Answered& answer = r.submit(prompt, 6);
    r.finish();
    EXPECT_EQ(answer.ids, ids);
    // Step 1 computes 5 rows and gives 5 tokens: 1,000 + 15,000 + 1,000.
    EXPECT_EQ(stretches(r, last(r)), (Stretches{{kScheduling, 0, 1000},
                                                {kPrefillOwn, 1000, 14000},
                                                {kSampling, 15000, 200},
                                                {kScheduling, 15200, 1000},
                                                {kDecode, 16200, 15000},
                                                {kSampling, 31200, 1000}}));
    std::vector<TokenOrigin> origins;
    for (const Event& e : r.of(EventKind::kRequest))
        if (e.request.phase == RequestPhase::kToken) origins.push_back(e.request.origin);
    using enum TokenOrigin;
    EXPECT_EQ(origins, (std::vector{kAccepted, kAccepted, kAccepted, kAccepted, kBonus}));
}

TEST_F(Drafts, AreShortOfWhatOthersWant) {
    const auto prompt = prompt_of(4, 1);
    const auto ids = alone(prompt, 40);
    const std::vector<TokenId> good(ids.begin() + 1, ids.begin() + 9);
    // A budget of 6, of which a decode and a chunk of the neighbour's prompt take all until that one is through.
    Rig& r = rig({good, good, good, good}, 0,
                 {{KnobId::kMaxNumBatchedTokens, 6}, {KnobId::kNumSpeculativeTokens, 8}});
    r.submit(prompt, 40);
    r.engine->step();
    r.submit(prompt_of(14, 2), 1);
    for (int i = 0; i < 4; ++i) r.engine->step();
    std::vector<std::pair<uint32_t, uint32_t>> work;  // prefill, drafts
    for (const Event& e : r.of(EventKind::kStep))
        work.emplace_back(e.step.prefill_tokens, e.step.draft_tokens);
    EXPECT_EQ(work, (std::vector<std::pair<uint32_t, uint32_t>>{{4, 0}, {5, 0}, {5, 0}, {4, 1}, {0, 5}}));
}

TEST_F(Drafts, LeaveNoBlockBehind) {
    const auto prompt = prompt_of(15, 1);
    const auto ids = alone(prompt, 20);
    const std::vector<TokenId> wrong(8, (ids[1] + 1) % 997);
    Rig& r = rig({wrong, wrong}, 0, {{KnobId::kNumSpeculativeTokens, 8}});
    r.submit(prompt, 20);
    r.engine->step();  // the prompt; position 15 is next, the last of the first block
    r.engine->step();
    const auto steps = r.of(EventKind::kStep);
    EXPECT_EQ(steps.back().step.draft_tokens, 8u);
    EXPECT_EQ(steps.back().step.blocks_held, 1u) << "the drafts' block was given back";
    EXPECT_TRUE(r.engine->check_integrity().ok());
}

TEST_F(Drafts, DeviceLostWhileTheyAreVerified) {
    Rig& r = rig({{1, 2, 3}}, 0);
    r.submit(prompt_of(4, 1), 20);
    r.engine->step();
    r.engine->step();
    r.engine->cancel(r.ids[0]);
    EXPECT_TRUE(r.engine->check_integrity().ok());
    r.engine->publish_keyframe();
    r.collect();
    r.audit.expect_all_ended();
}

}  // namespace
}  // namespace pitwall::engine::test
