// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "panels/speculation/draft_time_presenter.h"
#include "panels/speculation/speculation_presenter.h"
#include "tests/panels/speculation/draft_session.h"

namespace pitwall::panels {
namespace {

using testing::DraftSession;
using testing::kMs;
using testing::Told;

class Speculation : public ::testing::Test {
  protected:
    void update() { presenter.update({0, 60'000 * kMs}, QStringLiteral("last 60 s")); }
    static QString text(const std::vector<ValueRow>& rows, const char* name, size_t index = 0) {
        for (const ValueRow& row : rows)
            if (row.name == QLatin1String(name) && index < row.cells.size())
                return row.cells[index].value.text();
        return QStringLiteral("none");
    }
    Told told;
    SpeculationPresenter presenter{told.store};
};

TEST_F(Speculation, SaysWhichKnobToTurnWhereThereIsNothing) {
    update();
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kOff);
    for (const char* word : {"speculative_method", "none", "ngram", "suffix", "draft"})
        EXPECT_TRUE(presenter.empty_sentence().contains(word)) << word;
    told.start(presets::KnobId::kSpeculativeMethod, 2);
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kNoStep);
    told.until(1000);
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kNoDraft);
    EXPECT_TRUE(presenter.positions().empty());
    EXPECT_EQ(text(presenter.gained(), "Tokens a drafted step"), kNoValue + " tok");
}

TEST_F(Speculation, SaysWhyADraftModelHasNotDrafted) {
    told.fact("draft_model=Tiny.Q4_1");
    told.start(presets::KnobId::kSpeculativeMethod, 3);
    told.until(1000);
    update();
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kLoading);
    EXPECT_TRUE(presenter.empty_sentence().endsWith("Tiny.Q4_1 is still being loaded"));
    telemetry::Event loaded;
    loaded.kind = telemetry::EventKind::kDevice;
    loaded.device = {};
    loaded.device.draft_bytes = 1;
    told.store.apply({&loaded, 1});
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kReading);
    for (const char* words : {"no request decodes", "Tiny.Q4_1", "send a prompt"})
        EXPECT_TRUE(presenter.empty_sentence().contains(words)) << words;
}

TEST_F(Speculation, SaysWhyADraftModelDoesNotDraftForWhoDecode) {
    told.fact("draft_model=Tiny.Q4_1");
    told.start(presets::KnobId::kSpeculativeMethod, 3);
    telemetry::Event loaded;
    loaded.kind = telemetry::EventKind::kDevice;
    loaded.device = {};
    loaded.device.draft_bytes = 100;
    loaded.device.weight_bytes = 100;
    told.store.apply({&loaded, 1});
    told.step(1000, {.decode = 4});
    update();
    EXPECT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kNotWorth);
    for (const char* words : {"no smaller than the model", "token budget", "speculative_adaptive off"})
        EXPECT_TRUE(presenter.empty_sentence().contains(words)) << words;
    loaded.device.weight_bytes = 1000;
    told.store.apply({&loaded, 1});
    EXPECT_TRUE(presenter.empty_sentence().contains("acceptance seen so far"));
    told.knob(2000, presets::KnobId::kSpeculativeAdaptive, 1, 0);
    EXPECT_FALSE(presenter.empty_sentence().contains("speculative_adaptive off")) << "it is off";
}

/// As the engine tells it: asked for is the draft model, in force is none, and the next keyframe says the same.
TEST_F(Speculation, SaysThatTheDraftModelIsLostAndWhy) {
    constexpr auto kKnob = presets::KnobId::kSpeculativeMethod;
    using telemetry::KnobBound, telemetry::KnobOrigin;
    told.fact("draft_model_lost=there is no memory for its weights");
    update();
    EXPECT_FALSE(presenter.empty_sentence().contains("lost"));
    told.knob(1000, kKnob, 3, 0,
              {.origin = KnobOrigin::kEngine, .bound = KnobBound::kUnavailable, .asked = 3});
    const auto said = [&] {
        return presenter.empty_sentence().contains("lost (there is no memory for its weights)");
    };
    EXPECT_TRUE(said());
    told.keyframe(2000, telemetry::KeyframeKnob{.knob = uint16_t(kKnob),
                                                .value_kind = telemetry::ValueKind::kChoice,
                                                .bound = KnobBound::kUnavailable,
                                                .reserved = 0,
                                                .asked_value = 3,
                                                .effective_value = 0});
    EXPECT_TRUE(said());
    told.knob(3000, kKnob, 0, 0, {.bound = KnobBound::kUnavailable, .asked = 3});
    EXPECT_FALSE(said()) << "refused is not lost";
}

TEST_F(Speculation, ALossIsToldBesideTheDraftsThatWereMadeBefore) {
    told.fact("draft_model_lost=the device was lost");
    const DraftSession session(told, 50'000, telemetry::DraftMethod::kDraft);
    update();
    EXPECT_EQ(text(presenter.gained(), "Draft model"), "none");
    told.knob(
        9000, presets::KnobId::kSpeculativeMethod, 3, 0,
        {.origin = telemetry::KnobOrigin::kEngine, .bound = telemetry::KnobBound::kUnavailable, .asked = 3});
    update();
    ASSERT_EQ(presenter.why_empty(), SpeculationPresenter::Empty::kThereAre);
    EXPECT_EQ(text(presenter.gained(), "Draft model"), "lost");
    EXPECT_EQ(presenter.gained().front().note, "the device was lost");
}

TEST_F(Speculation, AModelThatDraftsHasItsName) {
    told.fact("draft_model=Tiny.Q4_1");
    const DraftSession model(told, 50'000, telemetry::DraftMethod::kDraft);
    update();
    EXPECT_EQ(text(presenter.gained(), "draft, Tiny.Q4_1"), "60.0 % accepted");
    EXPECT_EQ(text(presenter.gained(), "ngram"), "none");
}

/// Another draft model after the first of the drafts: the last one's name is not that of all.
TEST_F(Speculation, ModelsThatAreLoadedOneAfterTheOtherHaveNoCommonName) {
    constexpr auto kKnob = presets::KnobId::kSpeculativeMethod;
    told.fact("draft_model=Tiny.Q4_1");
    DraftSession model(told, 50'000, telemetry::DraftMethod::kDraft);
    told.knob(6000, kKnob, 3, 0);
    update();
    EXPECT_EQ(text(presenter.gained(), "draft, Tiny.Q4_1"), "60.0 % accepted") << "turned off, not loaded";
    told.knob(6001, kKnob, 0, 3);
    for (int i = 0; i < 4; ++i) model.step(1, 2);
    update();
    EXPECT_EQ(text(presenter.gained(), "draft, Tiny.Q4_1"), "none");
    EXPECT_NE(text(presenter.gained(), "draft, loaded more than once"), "none");
    presenter.update({6002 * kMs, 60'000 * kMs}, "after it");
    EXPECT_EQ(text(presenter.gained(), "draft, Tiny.Q4_1"), "50.0 % accepted");
    presenter.update({0, 5000 * kMs}, "before it");
    EXPECT_EQ(text(presenter.gained(), "draft, Tiny.Q4_1"), "none") << "it was loaded later";
}

TEST_F(Speculation, AcceptanceByPositionAndAfterTheOneBefore) {
    const DraftSession session(told);
    update();
    // 6 steps of each kind, 4 sequences in each two: 24 of 1, 2, 3 and 4 drafts, of which 1, 1, 2 and 2 were accepted.
    ASSERT_EQ(presenter.positions().size(), 4u);
    EXPECT_EQ(presenter.drafts().drafted[0], 96u);
    EXPECT_DOUBLE_EQ(presenter.positions()[0].bar, 1);
    EXPECT_DOUBLE_EQ(presenter.positions()[1].bar, 48.0 / 72);
    EXPECT_DOUBLE_EQ(presenter.positions()[1].mark, 48.0 / 72);
    EXPECT_DOUBLE_EQ(presenter.positions()[2].bar, 0);
    EXPECT_DOUBLE_EQ(presenter.positions()[2].mark, 0);
    EXPECT_TRUE(std::isnan(presenter.positions()[3].mark));  // no third was accepted
    EXPECT_TRUE(presenter.positions()[1].tip.contains("n = 72"));
}

TEST_F(Speculation, WhatDraftsBroughtAndCost) {
    const DraftSession session(told);
    update();
    EXPECT_EQ(text(presenter.gained(), "Tokens a drafted step"), "2.50 tok");
    EXPECT_EQ(text(presenter.gained(), "Drafted"), "240 tok");
    EXPECT_EQ(text(presenter.gained(), "Accepted"), "144 tok");
    EXPECT_EQ(text(presenter.gained(), "Wasted"), "96 tok");
    // Of one sequence with 4 drafts (2 rejected of 5 rows) 1.4 ms: 0.56 ms, and so on.
    const double wasted =
        6 * (1.2 * 1 / 3 + 1.3 * 1 / 4 + 1.4 * 2 / 5 + 1.8 * 3 / 9 + 2.1 * 3 / 12 + 2.4 * 6 / 15);
    double all = 0;
    for (int drafts = 0; drafts < 5; ++drafts) all += 6 * (1 + .1 * drafts + 1 + .1 * (2 + 3 * drafts));
    EXPECT_EQ(text(presenter.spent(), "Wasted work"), format_fixed(100 * wasted / all, 1) + " %");
    EXPECT_EQ(text(presenter.spent(), "Decode step", 0), "1.10");
    EXPECT_TRUE(presenter.csv().contains("position,drafted"));
}

/// Half as much again for each row: a draft model's pass.
TEST_F(Speculation, MakingDraftsIsPartOfWhatTheyCost) {
    const DraftSession session(told, 50'000);
    update();
    const double rejected =
        6 * (1.2 * 1 / 3 + 1.3 * 1 / 4 + 1.4 * 2 / 5 + 1.8 * 3 / 9 + 2.1 * 3 / 12 + 2.4 * 6 / 15);
    const double made = 6 * 4 * .05 * (1 + 2 + 3 + 4), made_in_vain = 6 * 4 * .05 * (0 + 1 + 1 + 2);
    double executed = 0;
    for (int drafts = 0; drafts < 5; ++drafts) executed += 6 * (1 + .1 * drafts + 1 + .1 * (2 + 3 * drafts));
    EXPECT_EQ(text(presenter.spent(), "Wasted work"),
              format_fixed(100 * (rejected + made_in_vain) / (executed + made), 1) + " %");
    EXPECT_EQ(text(presenter.spent(), "Drafting"), format_fixed(100 * made / (2 * executed), 1) + " %");
    EXPECT_EQ(text(presenter.spent(), "Decode step", 0), "1.10");
    EXPECT_EQ(text(presenter.spent(), "Decode step", 1), "1.85 ms");  // 1.6 to execute, .25 to draft
    ASSERT_EQ(presenter.costs().size(), 2u);
    EXPECT_NEAR(presenter.costs()[0].needed.value, .15, 1e-9);
    EXPECT_NEAR(presenter.costs()[1].needed.value, .45 / 1.2, 1e-9);
}

TEST_F(Speculation, WhatMustBeAcceptedAtEachNumberOfSequences) {
    const DraftSession session(told);
    update();
    ASSERT_EQ(presenter.costs().size(), 2u);
    const BatchCost &one = presenter.costs()[0], &three = presenter.costs()[1];
    EXPECT_EQ(three.sequences, 3u);
    ASSERT_TRUE(one.needed.known() && three.needed.known());
    EXPECT_NEAR(one.row_ns, 1e5, 1e-3);
    EXPECT_NEAR(one.needed.value, .1, 1e-9);          // a row more is a tenth of the step's time
    EXPECT_NEAR(three.needed.value, .3 / 1.2, 1e-9);  // three rows more for one draft each
    EXPECT_NEAR(three.measured.value, .6, 1e-9);
    EXPECT_FALSE(presenter.verdicts()[1].bad);
    EXPECT_EQ(text(presenter.verdicts(), "3 sequences", 1), "25.0 %");
}

TEST_F(Speculation, NoLineThroughStepsThatAreAllAlike) {
    DraftSession session(told);
    for (int i = 0; i < 20; ++i) session.step(7, 2);
    for (int i = 0; i < 3; ++i) session.step(9, uint32_t(i));
    update();
    ASSERT_EQ(presenter.costs().size(), 4u);
    EXPECT_FALSE(presenter.costs()[2].needed.known());
    EXPECT_FALSE(presenter.costs()[3].needed.known());  // too few
    EXPECT_EQ(text(presenter.verdicts(), "7 sequences", 1), kNoValue);
}

/// Seen live: 100 % measured from one draft, and 0 % needed from twelve steps of which the longer happened to be faster.
TEST_F(Speculation, FewSamplesAreNoPoint) {
    DraftSession session(told);
    for (int i = 0; i < 12; ++i) session.step(5, uint32_t(i % 2));
    session.step(6, 0);
    session.step(6, 1);
    update();
    ASSERT_EQ(presenter.costs().size(), 4u);
    const ShareBar &five = presenter.batches()[2], &six = presenter.batches()[3];
    EXPECT_TRUE(std::isnan(five.mark));
    EXPECT_NEAR(five.bar, 1, 1e-9) << "30 drafts tell acceptance";
    EXPECT_NEAR(five.low, .886, .001) << "Wilson";
    EXPECT_TRUE(std::isnan(six.bar) && std::isnan(six.mark) && std::isnan(six.low));
    EXPECT_EQ(text(presenter.verdicts(), "6 sequences", 0), kNoValue);
    EXPECT_EQ(text(presenter.verdicts(), "6 sequences", 1), kNoValue);
    EXPECT_TRUE(six.tip.contains("from 30 drafts on")) << six.tip.toStdString();
    EXPECT_TRUE(six.tip.contains("from 30 steps on"));
    EXPECT_FALSE(presenter.verdicts()[3].bad);
}

/// Times that do not follow the rows: a line through them says nothing.
TEST_F(Speculation, WhatIsNeededIsNotSaidWhereTimesDoNotTellIt) {
    DraftSession session(told);
    for (int i = 0; i < 60; ++i) session.step(5, uint32_t(i % 2), i / 2 % 2 ? 4'000'000 : 0);
    for (int i = 0; i < 60; ++i) session.step(6, uint32_t(i % 2), i % 2 ? 0 : 900'000);  // faster with more
    update();
    ASSERT_EQ(presenter.costs().size(), 4u);
    EXPECT_TRUE(std::isnan(presenter.batches()[2].mark));
    EXPECT_TRUE(std::isnan(presenter.batches()[3].mark));
    EXPECT_TRUE(presenter.verdicts()[2].definition.contains("do not tell what is needed"));
}

TEST_F(Speculation, OverTime) {
    const DraftSession session(told);
    DraftTimePresenter over(told.store);
    over.update({0, 6'000 * kMs}, std::nullopt);
    uint64_t drafted = 0, accepted = 0;
    for (const DraftTimePresenter::Point& point : over.points())
        drafted += point.drafted, accepted += point.accepted;
    EXPECT_EQ(drafted, 240u);
    EXPECT_EQ(accepted, 144u);
    EXPECT_GT(over.most_wasted_share(), 0);
    EXPECT_TRUE(over.card_at(1'000 * kMs, "then").lines.front().contains("drafts accepted"));
}

}  // namespace
}  // namespace pitwall::panels
