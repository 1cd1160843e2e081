// SPDX-License-Identifier: GPL-3.0-or-later
//
// A draft model: its own KV, texts that grow and are rolled back, little room, late and lost weights. Answers stay what they are.
#include <gtest/gtest.h>

#include <optional>

#include <algorithm>
#include <random>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/model/synthetic_model.h"
#include "tests/engine/core/forwarding_executor.h"
#include "tests/engine/spec/draft_device.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

constexpr double kDraft = static_cast<double>(DraftMethod::kDraft);

std::vector<std::vector<TokenId>> ids_of(const Rig& rig) {
    std::vector<std::vector<TokenId>> ids;
    for (const auto& answer : rig.answers) ids.push_back(answer->ids);
    return ids;
}

KeyframeCounters counters_of(Rig& rig) {
    rig.engine->publish_keyframe();
    rig.collect();
    return rig.audit.counters();
}

std::vector<GenerationRequest> mixed_requests(uint32_t count, uint32_t vocab, std::mt19937& random) {
    std::vector<GenerationRequest> requests;
    for (uint32_t i = 0; i < count; ++i) {
        GenerationRequest request = ask(prompt_of(1 + random() % 200, random(), vocab), 1 + random() % 80);
        if (random() % 2) request.sampling.temperature = 1, request.sampling.seed = random();
        if (random() % 3 == 0) request.sampling.repetition_penalty = 1.3f;
        if (random() % 3 == 0) request.sampling.top_k = 5;
        requests.push_back(std::move(request));
    }
    return requests;
}

class DraftModelOf : public testing::Test {
  protected:
    Rig& rig(std::map<KnobId, double> knobs, const DraftDevice& device) {
        RigOptions options = with(std::move(knobs));
        options.timed_drafters = drafters_of(device);
        rig_ = std::make_unique<Rig>(options);
        return *rig_;
    }
    double method() const { return rig_->engine->effective_knobs().get(KnobId::kSpeculativeMethod); }

    DraftDevice device_;
    std::unique_ptr<Rig> rig_;
};

TEST_F(DraftModelOf, TheSameMindIsAlwaysRight) {
    std::mt19937 random(1);
    const auto requests = mixed_requests(6, 997, random);
    Rig plain(with({}));
    for (const auto& request : requests) plain.submit(request);
    plain.finish();
    Rig& r = rig({{KnobId::kSpeculativeAdaptive, 0}}, {});
    EXPECT_EQ(turn_to(r, DraftMethod::kDraft).verdict, Verdict::kAccepted);
    for (const auto& request : requests) r.submit(request);
    r.finish();
    EXPECT_EQ(ids_of(r), ids_of(plain));
    const KeyframeCounters counters = counters_of(r);
    EXPECT_EQ(counters.accepted_tokens, counters.drafted_tokens);
    EXPECT_GT(counters.accepted_tokens, counters.output_tokens / 2);
    EXPECT_LT(counters.steps, counters_of(plain).steps);
    EXPECT_EQ(method(), kDraft) << "its device found KV that was not the text's own";
}

// Few blocks on both sides, methods that come and go, other knobs beside them.
TEST_F(DraftModelOf, StormsChangeNoAnswer) {
    for (const uint32_t seed : StormSeeds(storm_size(12))) {
        std::mt19937 random(seed);
        const auto requests = mixed_requests(20, 997, random);
        Rig alone(with({{KnobId::kMaxNumSeqs, 1}, {KnobId::kEnablePrefixCaching, 0}}));
        for (const auto& request : requests) alone.submit(request);
        alone.finish();
        DraftDevice device;
        device.agreement_percent = random() % 101;
        device.blocks = 1 + random() % 60;
        device.context = 40 + random() % 300;
        Rig& r = rig({{KnobId::kNumKvBlocks, 24.0 + random() % 60}}, device);
        for (const auto& request : requests) r.submit(request);
        for (uint32_t step = 0; r.engine->has_work() && step < 100'000; ++step) {
            if (step % 7 == 0)
                turn_to(r, random() % 3 ? DraftMethod::kDraft : DraftMethod{uint8_t(random() % 4)});
            if (step % 5 == 0)
                r.engine->set_knob(KnobId::kNumSpeculativeTokens, 1 + random() % 8, KnobOrigin::kScript);
            if (step % 11 == 0)
                r.engine->set_knob(KnobId::kSpeculativeAdaptive, random() % 2, KnobOrigin::kScript);
            const double before = method();
            r.engine->step();
            ASSERT_EQ(method(), before) << "its device found KV that was not the text's own, step " << step;
            ASSERT_TRUE(r.engine->check_integrity().ok());
            r.collect();
        }
        ASSERT_EQ(ids_of(r), ids_of(alone));
        r.audit.expect_all_ended();
    }
}

TEST_F(DraftModelOf, RealKernelsAndTheirNoise) {
    const auto device_of = [](const Model& model) {
        CpuOptions options;
        options.threads = 2;
        options.kv_cache_memory_bytes = 8 << 20;
        auto executor = make_cpu_executor(model, options);
        EXPECT_TRUE(executor.ok());
        return std::move(executor).value();
    };
    auto target = make_synthetic_model("tiny", 3, true), other = make_synthetic_model("tiny-draft", 3, true);
    ASSERT_TRUE(target.ok() && other.ok());
    const uint32_t vocab = target.value()->config().vocab_size;
    std::mt19937 random(5);
    const auto requests = mixed_requests(6, vocab, random);
    std::vector<std::vector<TokenId>> plain;
    const Model* const drafts[] = {nullptr, target.value().get(), other.value().get()};
    for (const Model* draft : drafts) {
        VirtualClock still;
        RigOptions options =
            with({{KnobId::kSpeculativeAdaptive, 0}, {KnobId::kSpeculativeMethod, draft ? 3 : 0}});
        options.vocab = vocab;
        options.executor = [&] { return device_of(*target.value()); };
        options.drafters = [&](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            return std::unique_ptr<Drafter>(
                std::make_unique<ModelDrafter>(loaded(device_of(*draft)), 4096, still));
        };
        Rig r(options);
        for (const auto& request : requests) r.submit(request);
        r.finish();
        const KeyframeCounters counters = counters_of(r);
        if (!draft) plain = ids_of(r);
        EXPECT_EQ(ids_of(r), plain);
        // Penalties, top-k and noise are the sampler's own: a model that agrees is right about drawn tokens too.
        if (draft == target.value().get()) {
            EXPECT_EQ(counters.accepted_tokens, counters.drafted_tokens);
        }
        if (draft) {
            EXPECT_GT(counters.drafted_tokens, 100u);
        }
    }
}

TEST_F(DraftModelOf, DraftsOnceItsWeightsAreThere) {
    std::promise<Result<std::unique_ptr<Executor>>> weights;
    bool given_up = false;
    RigOptions options = with({{KnobId::kSpeculativeAdaptive, 0}});
    options.timed_drafters = [&](Clock& clock) -> DrafterFactory {
        return [&](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            weights = {};
            return std::unique_ptr<Drafter>(std::make_unique<ModelDrafter>(
                weights.get_future(), 4096, clock, [&](ModelDrafter::Loading) { given_up = true; }));
        };
    };
    Rig r(options);
    turn_to(r, DraftMethod::kDraft);
    r.submit(prompt_of(9, 1), 100);
    for (int i = 0; i < 10; ++i) r.engine->step();
    EXPECT_EQ(counters_of(r).drafted_tokens, 0u);
    EXPECT_EQ(r.engine->memory().draft, 0u);
    weights.set_value(device_.make(r.clock));
    for (int i = 0; i < 10; ++i) r.engine->step();
    EXPECT_GT(counters_of(r).drafted_tokens, 20u);
    EXPECT_GT(r.engine->memory().draft, 0u);
    EXPECT_FALSE(given_up);
    turn_to(r, DraftMethod::kNone);
    EXPECT_EQ(r.engine->memory().draft, 0u);
    EXPECT_FALSE(given_up) << "it was there";
    turn_to(r, DraftMethod::kDraft);
    turn_to(r, DraftMethod::kNone);
    EXPECT_TRUE(given_up);
    r.finish();
}

/// The last change of a knob.
KnobEvent last_knob(Rig& rig) { return rig.of(EventKind::kKnob).back().knob; }

/// How often; at most what one piece of text holds.
size_t told(Rig& rig, const std::string& fact) {
    const auto texts = rig.of(EventKind::kDictionary);
    return static_cast<size_t>(std::ranges::count_if(texts, [&](const Event& event) {
        return std::string(event.dictionary.bytes, event.dictionary.length) == fact;
    }));
}

/// What the last keyframe says of speculative_method.
KeyframeKnob framed_method(Rig& rig) {
    KeyframeKnob last{};
    for (const Event& event : rig.of(EventKind::kKeyframe))
        if (event.keyframe.part == KeyframePart::kKnob &&
            event.keyframe.knob.knob == static_cast<uint16_t>(KnobId::kSpeculativeMethod))
            last = event.keyframe.knob;
    return last;
}

TEST_F(DraftModelOf, WeightsThatNeverComeEndIt) {
    RigOptions options = with({});
    options.timed_drafters = [&](Clock& clock) -> DrafterFactory {
        return [&](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            std::promise<Result<std::unique_ptr<Executor>>> none;
            none.set_value(Error{"there is not enough memory", ""});
            return std::unique_ptr<Drafter>(std::make_unique<ModelDrafter>(none.get_future(), 4096, clock));
        };
    };
    Rig r(options);
    const Answered& answer = r.submit(prompt_of(9, 1), 30);
    turn_to(r, DraftMethod::kDraft);
    r.finish();
    EXPECT_EQ(answer.ids.size(), 30u);
    const std::string fact = "draft_model_lost=there is not enough memory";
    EXPECT_EQ(told(r, fact), 1u);
    const KnobEvent event = last_knob(r);
    EXPECT_EQ(event.effective_value, 0);
    EXPECT_EQ(std::tuple(event.old_value, event.asked_value), std::tuple(kDraft, kDraft));
    EXPECT_EQ(event.origin, KnobOrigin::kEngine);
    EXPECT_EQ(event.bound, KnobBound::kUnavailable);

    r.engine->publish_keyframe();
    const KeyframeKnob framed = framed_method(r);
    EXPECT_EQ(std::tuple(framed.asked_value, framed.effective_value, framed.bound),
              std::tuple(event.asked_value, event.effective_value, event.bound));
    EXPECT_EQ(told(r, fact), 2u) << "a recording that begins now is told as well";
    EXPECT_EQ(turn_to(r, DraftMethod::kNone).verdict, Verdict::kAccepted);
    r.engine->publish_keyframe();
    EXPECT_EQ(framed_method(r).bound, KnobBound::kNone);
    EXPECT_EQ(told(r, fact), 2u) << "nobody asks for it any more";
}

TEST_F(DraftModelOf, IsRefusedInWordsWhereThereIsNone) {
    Rig r(with({}));
    turn_to(r, DraftMethod::kNgram);
    const telemetry::Answer answer = turn_to(r, DraftMethod::kDraft);
    EXPECT_EQ(answer.verdict, Verdict::kRefused);
    EXPECT_NE(answer.reason.find("--draft-model"), std::string::npos) << answer.reason;
    EXPECT_EQ(answer.effective_value, static_cast<double>(DraftMethod::kNgram)) << "what was in force stays";
    EXPECT_EQ(last_knob(r).bound, KnobBound::kUnavailable);
    EXPECT_EQ(turn_to(r, DraftMethod::kNgram).verdict, Verdict::kAccepted);
}

/// A device that is lost at one of its passes.
class Lost final : public ForwardingExecutor {
  public:
    using ForwardingExecutor::ForwardingExecutor;
    StepResult collect(Ticket ticket) override {
        StepResult result = ForwardingExecutor::collect(ticket);
        if (++passes_ == 20) result.status = Error{"the device was lost", ""}, result.sampled.clear();
        return result;
    }
    int passes_ = 0;
};

TEST_F(DraftModelOf, ALostDeviceCostsDraftsAlone) {
    Rig plain(with({}));
    plain.submit(prompt_of(9, 1), 90);
    plain.finish();
    RigOptions options = with({{KnobId::kSpeculativeAdaptive, 0}});
    options.timed_drafters = [&](Clock& clock) -> DrafterFactory {
        return [&](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            return std::unique_ptr<Drafter>(std::make_unique<ModelDrafter>(
                loaded(std::make_unique<Lost>(device_.make(clock))), 4096, clock));
        };
    };
    Rig r(options);
    turn_to(r, DraftMethod::kDraft);
    r.submit(prompt_of(9, 1), 90);
    r.finish();
    EXPECT_EQ(ids_of(r), ids_of(plain));
    EXPECT_GT(counters_of(r).drafted_tokens, 0u);
    EXPECT_EQ(last_knob(r).bound, KnobBound::kUnavailable);
}

// ------------------------------------------------------------------------------------------------ alone

DraftAsk ask_of(uint32_t request, const std::vector<TokenId>& tokens, uint32_t most) {
    return {.request = RequestId{request},
            .tokens = tokens,
            .most = most,
            .reads = UINT32_MAX,
            .sampling = {},
            .banned = {}};
}

uint32_t drafts_of(ModelDrafter& drafter, const DraftAsk& ask) {
    std::vector<TokenId> out;
    drafter.draft(ask.request, ask.tokens, ask.most, out);
    return static_cast<uint32_t>(out.size());
}

TEST(ModelDrafter, ReadsLongPromptsInPieces) {
    VirtualClock clock;
    ModelDrafter drafter(loaded(DraftDevice{}.make(clock)), 4096, clock);
    const auto text = prompt_of(900, 1), brief = prompt_of(5, 2);
    std::vector<DraftAsk> asks = {ask_of(1, text, 4), ask_of(2, brief, 3)};
    asks[0].reads = 256;
    EXPECT_EQ(drafter.behind(RequestId{1}, text), 899u) << "all but the newest";
    for (int i = 0; i < 3; ++i) {
        drafter.prepare(asks);
        ASSERT_FALSE(drafter.passes().empty());
        EXPECT_LE(drafter.passes()[0].rows, 256u + 5u);
        EXPECT_EQ(drafts_of(drafter, asks[0]), 0u);
    }
    drafter.prepare(asks);
    EXPECT_EQ(drafts_of(drafter, asks[0]), 4u);
    EXPECT_EQ(drafts_of(drafter, asks[1]), 3u);
    EXPECT_EQ(drafter.passes().size(), 4u);
    EXPECT_EQ(drafter.passes()[3].rows, 1u) << "who has its drafts takes no more part";
    EXPECT_EQ(drafter.behind(RequestId{1}, text), 0u);
}

TEST(ModelDrafter, ReadsWithoutDrafting) {
    VirtualClock clock;
    ModelDrafter drafter(loaded(DraftDevice{}.make(clock)), 4096, clock);
    const auto text = prompt_of(40, 1);
    const DraftAsk ask = ask_of(1, text, 0);
    drafter.prepare({&ask, 1});
    ASSERT_EQ(drafter.passes().size(), 1u);
    EXPECT_EQ(drafter.passes()[0].rows, 39u);
    EXPECT_EQ(drafter.behind(RequestId{1}, text), 0u);
    drafter.prepare({&ask, 1});
    EXPECT_TRUE(drafter.passes().empty()) << "there is nothing more to read";
}

TEST(ModelDrafter, WhoWasAskedLongestAgoMakesRoom) {
    VirtualClock clock;
    DraftDevice device;
    device.blocks = 5;
    ModelDrafter drafter(loaded(device.make(clock)), 4096, clock);
    const auto a = prompt_of(30, 1), b = prompt_of(31, 2), c = prompt_of(16, 3);
    const auto drafted = [&](uint32_t request, const std::vector<TokenId>& text) {
        const DraftAsk ask = ask_of(request, text, 2);
        drafter.prepare({&ask, 1});
        return drafts_of(drafter, ask);
    };
    EXPECT_EQ(drafted(1, a), 2u);
    EXPECT_EQ(drafted(2, b), 2u);
    EXPECT_EQ(drafted(1, a), 2u);
    EXPECT_EQ(drafted(3, c), 2u);
    EXPECT_EQ(drafter.behind(RequestId{1}, a), 0u) << "its KV stayed";
    EXPECT_EQ(drafter.behind(RequestId{2}, b), 30u) << "its KV made room";
    const std::vector<DraftAsk> all = {ask_of(1, a, 2), ask_of(2, b, 2), ask_of(3, c, 2)};
    drafter.prepare(all);
    uint32_t served = 0;
    for (const DraftAsk& ask : all) served += drafts_of(drafter, ask) > 0;
    EXPECT_EQ(served, 2u) << "nobody of one step makes room for another";
    drafter.end(RequestId{1}, a), drafter.end(RequestId{3}, c);
    EXPECT_EQ(drafted(2, b), 2u);
}

TEST(ModelDrafter, WhoFindsNoRoomRestsForSomeSteps) {
    VirtualClock clock;
    DraftDevice device;
    device.blocks = 5;
    ModelDrafter drafter(loaded(device.make(clock)), 4096, clock);
    const auto a = prompt_of(40, 1), b = prompt_of(40, 2), never = prompt_of(100, 3);
    std::vector<DraftAsk> asks = {ask_of(1, a, 2), ask_of(2, b, 2)};
    asks[1].reads = 10;  // a piece needs room for the whole
    drafter.prepare(asks);
    EXPECT_EQ(drafts_of(drafter, asks[0]), 2u);
    EXPECT_EQ(drafter.behind(RequestId{2}, b), std::nullopt);
    EXPECT_EQ(drafter.behind(RequestId{3}, never), std::nullopt) << "it is larger than the pool";
    drafter.end(RequestId{1}, a);
    for (uint64_t step = 0; step < ModelDrafter::kRest; ++step) drafter.prepare({});
    EXPECT_EQ(drafter.behind(RequestId{2}, b), 39u) << "also where nobody asked";
}

// All grow, and there is room for half of them: those that have it go on.
TEST(ModelDrafter, AFullPoolServesSome) {
    VirtualClock clock;
    DraftDevice device;
    device.blocks = 16;
    ModelDrafter drafter(loaded(device.make(clock)), 4096, clock);
    std::vector<std::vector<TokenId>> texts;
    for (uint32_t i = 0; i < 8; ++i) texts.push_back(prompt_of(10, i));
    for (int step = 0; step < 50; ++step) {
        std::vector<DraftAsk> asks;
        for (uint32_t i = 0; i < 8; ++i) asks.push_back(ask_of(i + 1, texts[i], 4));
        drafter.prepare(asks);
        uint32_t served = 0;
        for (const DraftAsk& ask : asks) served += drafts_of(drafter, ask) > 0;
        ASSERT_GE(served, step < 10 ? 7u : 3u) << "step " << step;
        for (auto& text : texts) text.push_back(static_cast<TokenId>(step));
    }
    EXPECT_TRUE(drafter.status().ok());
}

TEST(ModelDrafter, DraftsNothingBeyondItsContext) {
    VirtualClock clock;
    ModelDrafter drafter(loaded(DraftDevice{}.make(clock)), 20, clock);
    const auto text = prompt_of(18, 1), longer = prompt_of(20, 1);
    const DraftAsk near = ask_of(1, text, 8), beyond = ask_of(2, longer, 8);
    drafter.prepare({&near, 1});
    EXPECT_EQ(drafts_of(drafter, near), 2u);
    drafter.prepare({&beyond, 1});
    EXPECT_EQ(drafts_of(drafter, beyond), 0u);
}

}  // namespace
}  // namespace pitwall::engine::test
