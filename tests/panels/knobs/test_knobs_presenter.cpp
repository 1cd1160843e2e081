// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <random>

#include "panels/knobs/knobs_presenter.h"
#include "tests/panels/support/fake_control.h"
#include "tests/panels/support/told.h"
#include "tests/storm.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using telemetry::KnobBound;
using telemetry::KnobOrigin;
using telemetry::Verdict;
using testing::FakeControl;
using testing::Told;

class Knobs : public ::testing::Test {
  protected:
    const KnobRowView& row(KnobId id) const { return presenter.row(id); }
    Told told;
    FakeControl control;
    KnobsPresenter presenter{told.store, control, false};
};

TEST_F(Knobs, HasEveryRowOfTheTableInItsOrder) {
    ASSERT_EQ(presenter.rows().size(), presets::kKnobCount);
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        const KnobRowView& view = row(spec.id);
        EXPECT_EQ(view.name.toStdString(), spec.name);
        EXPECT_EQ(view.value, spec.default_value) << spec.name;
        EXPECT_EQ(view.tag_text, spec.live ? "live" : "reload") << spec.name;
        EXPECT_FALSE(view.number.isEmpty()) << spec.name;
        EXPECT_EQ(view.position, view.default_position) << spec.name;
        EXPECT_FALSE(view.changed) << spec.name;
    }
    EXPECT_EQ(presenter.scope(), "none changed");
}

TEST_F(Knobs, WritesValuesAsPeopleReadThem) {
    told.start(KnobId::kNumKvBlocks, 2048);
    told.start(KnobId::kKvCacheMemoryBytes, 1 << 30);
    told.start(KnobId::kLongPrefillTokenThreshold, 0);
    told.start(KnobId::kEnablePrefixCaching, 1);
    presenter.refresh(0);
    EXPECT_EQ(row(KnobId::kNumKvBlocks).number, "2,048");
    EXPECT_EQ(row(KnobId::kNumKvBlocks).unit, "blocks");
    EXPECT_EQ(row(KnobId::kLongPrefillTokenThreshold).number, "off");
    EXPECT_EQ(row(KnobId::kLongPrefillTokenThreshold).unit, "");
    EXPECT_EQ(row(KnobId::kKvCacheMemoryBytes).number + row(KnobId::kKvCacheMemoryBytes).unit, "1.00GiB");
    EXPECT_EQ(row(KnobId::kEnablePrefixCaching).number, "on");
    EXPECT_EQ(row(KnobId::kEnablePrefixCaching).kind, KnobWidgetKind::kSwitch);
    EXPECT_EQ(row(KnobId::kSchedulingPolicy).kind, KnobWidgetKind::kMenu);
    EXPECT_EQ(row(KnobId::kBatching).kind, KnobWidgetKind::kSegments);
}

TEST_F(Knobs, AChangeShowsWhatItWas) {
    told.knob(1000, KnobId::kMaxNumBatchedTokens, 768, 256);
    presenter.refresh(0);
    const KnobRowView& view = row(KnobId::kMaxNumBatchedTokens);
    EXPECT_TRUE(view.changed);
    EXPECT_EQ(view.tag_text, "was 768");
    ASSERT_TRUE(view.was_position);
    EXPECT_GT(*view.was_position, view.position);
    EXPECT_EQ(presenter.scope(), "1 changed");
    told.knob(9000, KnobId::kMaxNumBatchedTokens, 256, 768);
    presenter.refresh(0);
    EXPECT_FALSE(row(KnobId::kMaxNumBatchedTokens).changed) << "it is where the session began";
}

TEST_F(Knobs, ADragIsOneChangeFromWhereItBegan) {
    for (int i = 0; i < 10; ++i) told.knob(1000 + 50 * i, KnobId::kMaxNumSeqs, 8 + i, 9 + i);
    presenter.refresh(0);
    EXPECT_EQ(row(KnobId::kMaxNumSeqs).tag_text, "was 8");
}

TEST_F(Knobs, SaysWhichBoundHolds) {
    told.knob(1000, KnobId::kNumKvBlocks, 1024, 2048, {.bound = KnobBound::kCapacity});
    presenter.refresh(0);
    EXPECT_EQ(row(KnobId::kNumKvBlocks).note, KnobNote::kBound);
    EXPECT_EQ(row(KnobId::kNumKvBlocks).note_text, "stops at capacity, 2,048 blocks");
}

TEST_F(Knobs, AHandReachesTheEngineInTheTablesWords) {
    presenter.enter(KnobId::kMaxNumBatchedTokens, "1,024 tokens", 0);
    presenter.enter(KnobId::kLongPrefillTokenThreshold, "off", 0);
    presenter.enter(KnobId::kKvCacheMemoryBytes, "2 GiB", 0);
    presenter.set(KnobId::kSchedulingPolicy, 2, 0);
    presenter.set(KnobId::kEnablePrefixCaching, 0, 0);
    told.start(KnobId::kRequestRate, 1);
    presenter.step(KnobId::kRequestRate, 2, 0);
    const std::vector<std::pair<std::string, std::string>> asked = {{"max_num_batched_tokens", "1024"},
                                                                    {"kv_cache_memory_bytes", "2147483648"},
                                                                    {"scheduling_policy", "shortest_prompt"},
                                                                    {"enable_prefix_caching", "false"},
                                                                    {"request_rate", "1.2"}};
    EXPECT_EQ(control.knobs, asked) << "off was off already";
}

TEST_F(Knobs, ShowsWhatWasAskedUntilTheEventsTellIt) {
    control.held = true;
    presenter.set(KnobId::kMaxNumSeqs, 24, 0);
    EXPECT_EQ(row(KnobId::kMaxNumSeqs).number, "24");
    EXPECT_NE(row(KnobId::kMaxNumSeqs).tag, KnobTag::kPending) << "a quick answer must not flicker";
    presenter.refresh(200);
    EXPECT_EQ(row(KnobId::kMaxNumSeqs).tag_text, "applying");
    control.answer({Verdict::kAccepted, "", 24, kNoRequest});
    presenter.refresh(210);
    EXPECT_EQ(row(KnobId::kMaxNumSeqs).number, "24") << "accepted, but not told yet";
    EXPECT_TRUE(presenter.busy());
    told.knob(1000, KnobId::kMaxNumSeqs, 8, 24);
    presenter.refresh(220);
    EXPECT_EQ(row(KnobId::kMaxNumSeqs).number, "24");
    EXPECT_FALSE(presenter.busy());
}

TEST_F(Knobs, AClampedValueIsTheEnginesOwn) {
    control.next = {Verdict::kClamped, "stops at capacity", 4096, kNoRequest};
    presenter.set(KnobId::kNumKvBlocks, 100'000, 0);
    EXPECT_EQ(row(KnobId::kNumKvBlocks).number, "4,096");
}

TEST_F(Knobs, ARefusalIsShownInTheRowForAWhile) {
    control.next = {Verdict::kRefused, "it is held by the model: open another", 0, kNoRequest};
    presenter.set(KnobId::kKvCacheMemoryBytes, 2e9, 0);
    EXPECT_EQ(row(KnobId::kKvCacheMemoryBytes).note, KnobNote::kRefused);
    EXPECT_EQ(row(KnobId::kKvCacheMemoryBytes).note_text, "it is held by the model: open another");
    EXPECT_EQ(row(KnobId::kKvCacheMemoryBytes).number, "1.00") << "back to what holds";
    presenter.refresh(60'000);
    EXPECT_EQ(row(KnobId::kKvCacheMemoryBytes).note, KnobNote::kNone);
}

TEST_F(Knobs, ATextThatIsNoValueNeverReachesTheEngine) {
    for (const char* typed : {"many", "-1", "99999999999", "1.5", "", "256 blocks", "0x10"}) {
        presenter.enter(KnobId::kMaxNumSeqs, QString::fromLatin1(typed), 0);
        EXPECT_EQ(row(KnobId::kMaxNumSeqs).note, KnobNote::kRefused) << typed;
        EXPECT_TRUE(row(KnobId::kMaxNumSeqs).note_text.contains("max_num_seqs")) << typed;
    }
    EXPECT_TRUE(control.knobs.empty());
}

TEST_F(Knobs, DraggingSendsTwentyASecondAndTheLastPlace) {
    for (int ms = 0; ms <= 500; ms += 4) {
        presenter.drag(KnobId::kMaxNumSeqs, ms / 500.0, ms);
        presenter.refresh(ms);
    }
    presenter.end_drag(KnobId::kMaxNumSeqs, 502);
    EXPECT_LE(control.knobs.size(), 12u);
    EXPECT_EQ(control.knobs.back().second, presets::format_value(presets::spec(KnobId::kMaxNumSeqs),
                                                                 presets::spec(KnobId::kMaxNumSeqs).maximum));
}

TEST_F(Knobs, BackToTheDefault) {
    told.knob(1000, KnobId::kMaxNumSeqs, 8, 99);
    presenter.refresh(0);
    presenter.reset(KnobId::kMaxNumSeqs, 0);
    ASSERT_EQ(control.knobs.size(), 1u);
    EXPECT_EQ(control.knobs[0].second,
              presets::format_value(presets::spec(KnobId::kMaxNumSeqs),
                                    presets::spec(KnobId::kMaxNumSeqs).default_value));
}

TEST_F(Knobs, AReplayShowsAndCannotBeMoved) {
    KnobsPresenter replay(told.store, control, true);
    told.knob(1000, KnobId::kMaxNumSeqs, 8, 99);
    replay.refresh(0);
    EXPECT_EQ(replay.row(KnobId::kMaxNumSeqs).number, "99");
    EXPECT_FALSE(replay.row(KnobId::kMaxNumSeqs).movable);
    replay.set(KnobId::kMaxNumSeqs, 3, 0);
    replay.enter(KnobId::kMaxNumSeqs, "4", 0);
    replay.drag(KnobId::kMaxNumSeqs, 0.5, 0);
    replay.step(KnobId::kMaxNumSeqs, 1, 0);
    EXPECT_TRUE(control.knobs.empty());
}

TEST_F(Knobs, FlushSaysHowItWent) {
    control.held = true;
    presenter.flush_prefix_cache(0);
    EXPECT_EQ(presenter.flush_text(), "flushing");
    control.answer({Verdict::kRefused, "a replay cannot be flushed", 0, kNoRequest});
    presenter.refresh(10);
    EXPECT_EQ(presenter.flush_text(), "a replay cannot be flushed");
    presenter.refresh(60'000);
    EXPECT_EQ(presenter.flush_text(), "");
    EXPECT_EQ(control.calls, std::vector<std::string>{"flush"});
}

TEST_F(Knobs, HoverTellsRangeMeaningAndTheOthersNames) {
    const QString text = knob_hover_text(presets::spec(KnobId::kMaxNumBatchedTokens));
    for (const char* part :
         {"--max-num-batched-tokens", "SGLang", "TensorRT-LLM", "llama-server", "default", "tokens"})
        EXPECT_TRUE(text.contains(QLatin1String(part))) << part;
    for (const presets::KnobSpec& spec : presets::knob_table())
        EXPECT_TRUE(knob_hover_text(spec).contains(to_qstring(spec.name))) << spec.name;
}

/// Whatever hands and answers do, the row ends at what the events tell, and nothing but the table's words was sent.
TEST(KnobsStorm, EndsAtTheTruth) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        Told told;
        FakeControl control;
        KnobsPresenter presenter{told.store, control, false};
        control.held = true;
        double truth = presets::spec(KnobId::kMaxNumSeqs).default_value;
        int64_t now = 0;
        size_t answered = 0;
        for (int i = 0; i < 3000; ++i) {
            now += int64_t(random() % 40);
            switch (random() % 6) {
                case 0:
                    presenter.drag(KnobId::kMaxNumSeqs, double(random() % 1000) / 999, now);
                    break;
                case 1:
                    presenter.step(KnobId::kMaxNumSeqs, int(random() % 21) - 10, now);
                    break;
                case 2:
                    presenter.end_drag(KnobId::kMaxNumSeqs, now);
                    break;
                case 3:
                    presenter.enter(KnobId::kMaxNumSeqs,
                                    random() % 4 ? QString::number(random() % 5000) : "what", now);
                    break;
                case 4:
                    if (control.waiting.empty()) break;
                    {
                        const double asked = std::stod(control.knobs[answered++].second);
                        const bool refused = random() % 5 == 0;
                        control.answer({refused ? Verdict::kRefused : Verdict::kAccepted, refused ? "no" : "",
                                        asked, kNoRequest});
                        if (!refused) told.knob(now, KnobId::kMaxNumSeqs, truth, asked), truth = asked;
                    }
                    break;
                default:
                    presenter.refresh(now);
            }
        }
        while (true) {
            presenter.refresh(now += 60);
            if (control.waiting.empty()) break;
            const double asked = std::stod(control.knobs[answered++].second);
            control.answer({Verdict::kAccepted, "", asked, kNoRequest});
            told.knob(now, KnobId::kMaxNumSeqs, truth, asked), truth = asked;
        }
        presenter.refresh(now += 20'000);
        EXPECT_EQ(presenter.row(KnobId::kMaxNumSeqs).value, truth);
        EXPECT_FALSE(presenter.busy());
        for (const auto& [name, value] : control.knobs) {
            EXPECT_EQ(name, "max_num_seqs");
            EXPECT_TRUE(presets::parse_value(presets::spec(KnobId::kMaxNumSeqs), value).ok()) << value;
        }
    }
}

}  // namespace
}  // namespace pitwall::panels
