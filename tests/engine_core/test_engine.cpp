// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a user of the engine sees: limits and refusals, text and stops, knobs and their bounds, keyframes.
#include <gmock/gmock.h>

#include <limits>

#include "tests/engine_core/rig.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

/// Every byte is a token; 256 ends the text.
class ByteTokenizer final : public Tokenizer {
  public:
    ByteTokenizer() {
        for (int i = 0; i < 256; ++i) bytes_ += static_cast<char>(i);
    }
    std::vector<TokenId> encode(std::string_view text, bool) const override {
        std::vector<TokenId> ids;
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return ids;
    }
    std::string decode(std::span<const TokenId> ids) const override {
        std::string text;
        for (const TokenId id : ids) text += token_bytes(id);
        return text;
    }
    std::string_view token_bytes(TokenId id) const override {
        return id < 256 ? std::string_view(bytes_).substr(static_cast<size_t>(id), 1) : "<end>";
    }
    bool is_special(TokenId id) const override { return id >= 256; }
    bool is_end(TokenId id) const override { return id >= 250; }
    uint32_t vocab_size() const override { return 257; }
    bool has_chat_template() const override { return false; }
    Result<std::string> render_chat(std::span<const ChatMessage>) const override {
        return Error{"no template", ""};
    }

  private:
    std::string bytes_;
};

RigOptions with(std::map<KnobId, double> knobs) {
    RigOptions options;
    options.knobs = std::move(knobs);
    return options;
}

GenerationRequest ask(std::vector<TokenId> prompt, uint32_t max_tokens) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    return request;
}

// ------------------------------------------------------------------------------------------ refusals

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

// ------------------------------------------------------------------------------------------ text

class Text : public testing::TestWithParam<uint32_t> {
  protected:
    std::unique_ptr<Rig> rig(std::map<KnobId, double> knobs = {}) {
        RigOptions options = with(std::move(knobs));
        options.tokenizer = &tokenizer_;
        options.vocab = 257;
        options.depth = GetParam();
        return std::make_unique<Rig>(options);
    }
    ByteTokenizer tokenizer_;
};

TEST_P(Text, EndTokenIsAnIdButNoText) {
    auto r = rig();
    for (uint32_t i = 0; i < 40; ++i) r->submit(prompt_of(5, i, 250), 200);
    r->finish();
    size_t stopped = 0;
    for (const auto& answer : r->answers) {
        if (answer->reason != FinishReason::kStop) continue;
        ++stopped;
        EXPECT_TRUE(tokenizer_.is_end(answer->ids.back()));
        EXPECT_EQ(answer->text.find("<end>"), std::string::npos);
        for (size_t i = 0; i + 1 < answer->ids.size(); ++i)
            EXPECT_FALSE(tokenizer_.is_end(answer->ids[i])) << "it went on after an end";
    }
    EXPECT_GT(stopped, 20u);
    r->audit.expect_all_ended();
}

TEST_P(Text, IgnoreEosAndMinTokensBanEnds) {
    auto r = rig();
    GenerationRequest request = ask(prompt_of(5, 3, 250), 300);
    request.ignore_eos = true;
    const Answered& ignored = r->submit(request);
    request.ignore_eos = false;
    request.min_tokens = 100;
    const Answered& minimum = r->submit(request);
    r->finish();
    EXPECT_EQ(ignored.ids.size(), 300u);
    EXPECT_EQ(ignored.reason, FinishReason::kLength);
    for (const TokenId id : ignored.ids) EXPECT_FALSE(tokenizer_.is_end(id));
    EXPECT_GE(minimum.ids.size(), 100u);
    EXPECT_EQ(minimum.reason, FinishReason::kStop)
        << "200 tokens with an end in 37: wrong once in 200 worlds, and this one is fixed";
    EXPECT_TRUE(std::equal(minimum.ids.begin(), minimum.ids.begin() + 100, ignored.ids.begin()));
}

TEST_P(Text, StopStringEndsTextBeforeIt) {
    auto r = rig();
    GenerationRequest request = ask(prompt_of(5, 3, 250), 60);
    request.ignore_eos = true;
    const Answered& free = r->submit(request);
    r->finish();
    // Two neighbours that are plain characters make a stop string.
    size_t at = 20;
    while (at + 1 < free.ids.size() &&
           !(free.ids[at] < 128 && free.ids[at] > 0 && free.ids[at + 1] < 128 && free.ids[at + 1] > 0))
        ++at;
    ASSERT_LT(at + 1, free.ids.size());
    const std::string stop = tokenizer_.decode(std::span(free.ids).subspan(at, 2));
    request.stop = {"\xe2\x98\x83", "", stop};
    const Answered& stopped = r->submit(request);
    r->finish();
    EXPECT_EQ(stopped.reason, FinishReason::kStop);
    EXPECT_EQ(stopped.text, free.text.substr(0, free.text.find(stop)));
    EXPECT_EQ(stopped.ids.size(), at + 2)
        << "the tokens that made the stop string are ids, and nothing after them";
}

TEST_P(Text, DictionaryComesFirstAndOnce) {
    auto r = rig();
    GenerationRequest request = ask(prompt_of(5, 3, 250), 60);
    request.request_class = "chat";
    request.prompt_text = std::string(200, 'x');
    r->submit(request);
    r->submit(request);
    r->finish();
    std::set<uint32_t> tokens, prompts, classes;
    std::string text;
    for (const Event& e : r->events) {
        if (e.kind == EventKind::kDictionary) {
            const DictionaryEvent& d = e.dictionary;
            if (d.dictionary == DictionaryKind::kToken) {
                EXPECT_TRUE(tokens.insert(d.id).second) << "token told twice";
            }
            if (d.dictionary == DictionaryKind::kRequestClass) classes.insert(d.id);
            if (d.dictionary == DictionaryKind::kPrompt && d.id == 1) text.append(d.bytes, d.length);
            if (d.dictionary == DictionaryKind::kPrompt) prompts.insert(d.id);
        }
        if (e.kind == EventKind::kRequest) {
            EXPECT_TRUE(classes.contains(e.request.request_class));
            EXPECT_TRUE(prompts.contains(raw(e.request.request)));
            if (e.request.token >= 0) {
                EXPECT_TRUE(tokens.contains(static_cast<uint32_t>(e.request.token)));
            }
        }
    }
    EXPECT_EQ(text, std::string(200, 'x'));
}

TEST_P(Text, RecordTextOffLeavesNoTrace) {
    auto r = rig({{KnobId::kRecordText, 0}});
    GenerationRequest request = ask(prompt_of(5, 3, 250), 20);
    request.prompt_text = "secret";
    const Answered& answer = r->submit(request);
    r->finish();
    r->engine->publish_keyframe();
    r->collect();
    EXPECT_FALSE(answer.ids.empty());
    for (const Event& e : r->events) {
        if (e.kind == EventKind::kRequest) {
            EXPECT_EQ(e.request.token, -1);
        }
        if (e.kind == EventKind::kDictionary) {
            EXPECT_NE(e.dictionary.dictionary, DictionaryKind::kPrompt);
            EXPECT_NE(e.dictionary.dictionary, DictionaryKind::kToken);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Depth, Text, testing::Values(1u, 2u));

// ------------------------------------------------------------------------------------------ knobs

TEST(Knobs, ClampedRefusedAndSaidWhy) {
    Rig rig(with({}));
    Answer answer = rig.engine->set_knob(KnobId::kMaxNumSeqs, 1e9, KnobOrigin::kUser);
    EXPECT_EQ(answer.verdict, Verdict::kClamped);
    EXPECT_EQ(answer.effective_value, presets::spec(KnobId::kMaxNumSeqs).maximum);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kKvCacheDtype, 0, KnobOrigin::kUser).verdict, Verdict::kRefused);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kSchedulingPolicy, 9, KnobOrigin::kUser).verdict,
              Verdict::kRefused);
    EXPECT_EQ(
        rig.engine->set_knob(KnobId::kMaxNumSeqs, std::numeric_limits<double>::quiet_NaN(), KnobOrigin::kUser)
            .verdict,
        Verdict::kRefused);
    const size_t before = rig.of(EventKind::kKnob).size();
    EXPECT_EQ(before, presets::kKnobCount + 1) << "start values and one change";
    rig.engine->set_knob(KnobId::kBatching, rig.engine->effective_knobs().get(KnobId::kBatching),
                         KnobOrigin::kUser);
    EXPECT_EQ(rig.of(EventKind::kKnob).size(), before) << "no change, no event";
}

TEST(Knobs, PoolStopsAtWhatIsInFlightAndGoesOnLater) {
    Rig rig(with({{KnobId::kNumKvBlocks, 100}}));
    rig.submit(prompt_of(160, 1), 33);  // 12 blocks in all
    rig.submit(prompt_of(16, 2), 2);
    rig.engine->step();
    const Answer answer = rig.engine->set_knob(KnobId::kNumKvBlocks, 3, KnobOrigin::kUser);
    EXPECT_EQ(answer.verdict, Verdict::kClamped);
    EXPECT_EQ(answer.effective_value, 12);
    EXPECT_THAT(answer.reason, HasSubstr("needs 12 blocks"));
    EXPECT_EQ(rig.submit(prompt_of(60, 3), 5).reason, FinishReason::kRejected)
        << "it would hold the shrink up";
    rig.finish();
    EXPECT_EQ(rig.answers[0]->ids.size(), 33u);
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kNumKvBlocks), 3);
    const auto knobs = rig.of(EventKind::kKnob);
    const KnobEvent& asked = knobs[knobs.size() - 2].knob;
    const KnobEvent& done = knobs.back().knob;
    EXPECT_EQ(
        std::tuple(asked.old_value, asked.asked_value, asked.effective_value, asked.bound, asked.origin),
        std::tuple(100.0, 3.0, 12.0, KnobBound::kInFlight, KnobOrigin::kUser));
    EXPECT_EQ(std::tuple(done.old_value, done.asked_value, done.effective_value, done.bound, done.origin),
              std::tuple(12.0, 3.0, 3.0, KnobBound::kNone, KnobOrigin::kEngine));
}

TEST(Knobs, PoolGrowsToCapacity) {
    RigOptions options = with({{KnobId::kNumKvBlocks, 500}});
    options.capacity_blocks = 40;
    Rig rig(options);
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kNumKvBlocks), 40);
    rig.engine->set_knob(KnobId::kNumKvBlocks, 10, KnobOrigin::kUser);
    const Answer answer = rig.engine->set_knob(KnobId::kNumKvBlocks, 60, KnobOrigin::kUser);
    EXPECT_EQ(answer.effective_value, 40);
    EXPECT_THAT(answer.reason, HasSubstr("holds 40 blocks"));
    EXPECT_EQ(rig.of(EventKind::kKnob).back().knob.bound, KnobBound::kCapacity);
}

TEST(Knobs, SeatsDrain) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 4}, {KnobId::kEnablePrefixCaching, 0}}));
    for (uint32_t i = 0; i < 8; ++i) rig.submit(prompt_of(4, i), 10);
    rig.engine->step();
    EXPECT_EQ(rig.engine->set_knob(KnobId::kMaxNumSeqs, 2, KnobOrigin::kUser).verdict, Verdict::kAccepted);
    EXPECT_EQ(rig.of(EventKind::kKnob).back().knob.bound, KnobBound::kDraining);
    rig.finish();
    for (const auto& answer : rig.answers) EXPECT_EQ(answer->ids.size(), 10u);
    uint32_t most = 0;
    for (const Event& e : rig.of(EventKind::kStep))
        if (e.step.step_id > 10)
            most = std::max(most, e.step.decode_tokens + (e.step.prefill_tokens > 0 ? 1 : 0));
    EXPECT_EQ(most, 2u);
}

TEST(Knobs, FlushTellsHowManyBlocks) {
    Rig rig(with({}));
    rig.submit(prompt_of(64, 1), 1);
    rig.finish();
    EXPECT_EQ(rig.engine->flush_prefix_cache().effective_value, 4);
    rig.submit(prompt_of(64, 1), 1);
    rig.finish();
    EXPECT_EQ(rig.audit.counters().cached_tokens, 0u);
}

// ------------------------------------------------------------------------------------------ the rest

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
class Failing final : public Executor {
  public:
    Failing(std::unique_ptr<Executor> inner, uint64_t at) : inner_(std::move(inner)), at_(at) {}
    const DeviceInfo& device() const override { return inner_->device(); }
    uint32_t vocab_size() const override { return inner_->vocab_size(); }
    uint64_t bytes_per_block() const override { return inner_->bytes_per_block(); }
    uint64_t weight_bytes() const override { return inner_->weight_bytes(); }
    uint32_t capacity_blocks() const override { return inner_->capacity_blocks(); }
    Status resize_pool(uint32_t blocks) override { return inner_->resize_pool(blocks); }
    Ticket submit(const StepPlan& plan) override {
        fails_ = raw(plan.id) == at_;
        return inner_->submit(plan);
    }
    StepResult collect(Ticket ticket) override {
        StepResult result = inner_->collect(ticket);
        if (fails_) {
            result.sampled.clear();
            result.status = Error{"the device was lost", ""};
        }
        return result;
    }

  private:
    std::unique_ptr<Executor> inner_;
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
