// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request's tokens depend on the request alone: 32 concurrent requests against each by itself, whatever the chunks, the
// prefix cache, the pool, and a storm of schedule knobs do. Where the KV format changes on the way, its numeric history is
// part of the request: replayed alone, it gives the same tokens.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "app/core/cli/generate_run.h"
#include "app/core/workload/workload_texts.h"
#include "tests/storm.h"

using namespace pitwall;
using namespace pitwall::app;
using presets::KnobId;

namespace {

std::string setting(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value ? value : otherwise;
}

/// PITWALL_TEST_DEVICE: where it is all computed; PITWALL_TEST_REQUESTS: fewer on an emulated GPU, which takes its time.
const std::string kDevice = setting("PITWALL_TEST_DEVICE", "cpu");
constexpr size_t kAllRequests = 32;
const size_t kRequests = std::stoul(setting("PITWALL_TEST_REQUESTS", "32"));
/// The longest request has 64 + 12 tokens: five blocks.
constexpr int kLeastPool = 8;

std::vector<FileRequest> requests_of(const engine::Tokenizer& tokenizer, uint64_t seed) {
    const WorkloadTexts texts = shipped_workload_texts();
    const std::vector<TokenId> text = tokenizer.encode(texts.documents.front().text, false);
    std::mt19937_64 random(seed);
    std::vector<FileRequest> requests;
    for (size_t i = 0; i < kRequests; ++i) {
        FileRequest request;
        const size_t length = 1 + random() % 32, first = 100 + random() % 200;
        if (i % 2 == 0)
            request.request.prompt.assign(text.begin(), text.begin() + 32);  // a shared prefix of two blocks
        request.request.prompt.insert(request.request.prompt.end(),
                                      text.begin() + static_cast<ptrdiff_t>(first),
                                      text.begin() + static_cast<ptrdiff_t>(first + length));
        request.request.max_tokens = 2 + static_cast<uint32_t>(random() % 10);
        request.request.ignore_eos = true;
        if (i % 4 == 3)
            request.request.sampling = {.temperature = 1,
                                        .top_k = 0,
                                        .top_p = 0.9f,
                                        .min_p = 0,
                                        .repetition_penalty = 1.1f,
                                        .seed = i};
        requests.push_back(std::move(request));
    }
    return requests;
}

SessionOptions options_of(const std::string& model, std::initializer_list<std::string_view> settings) {
    SessionOptions options;
    options.model = model;
    options.device = kDevice;
    options.knobs.set(KnobId::kKvCacheMemoryBytes, 256 << 20);
    for (const std::string_view setting : settings)
        EXPECT_TRUE(options.knobs.set_from_text(setting).ok()) << setting;
    return options;
}

/// A value for a schedule knob; the pool never falls below what the longest request needs.
double random_value(const presets::KnobSpec& knob, std::mt19937_64& random) {
    if (knob.type == presets::KnobType::kBoolean) return static_cast<double>(random() % 2);
    if (knob.type == presets::KnobType::kChoice) return static_cast<double>(random() % knob.choices.size());
    if (knob.id == KnobId::kNumKvBlocks) return kLeastPool + static_cast<double>(random() % 64);
    return std::max(knob.minimum, static_cast<double>(random() % 48));
}

/// Of knobs with these effects under which answers can be repeated, one every third step.
std::vector<ScheduledKnob> storm(uint64_t seed, std::initializer_list<presets::KnobEffect> effects) {
    std::mt19937_64 random(seed);
    std::vector<const presets::KnobSpec*> chosen;
    for (const presets::KnobSpec& knob : presets::knob_table())
        if (knob.live && knob.repeatable &&
            std::find(effects.begin(), effects.end(), knob.effect) != effects.end())
            chosen.push_back(&knob);
    std::vector<ScheduledKnob> knobs;
    for (uint64_t step = 1; step < 400; step += 3) {
        const presets::KnobSpec& knob = *chosen[random() % chosen.size()];
        knobs.push_back({step, knob.id, random_value(knob, random)});
    }
    return knobs;
}

/// Where `replayed` is given, each replays what that one went through.
std::vector<GenerationOutcome> answers(const SessionOptions& options, std::vector<ScheduledKnob> knobs = {},
                                       const std::vector<GenerationOutcome>& replayed = {}) {
    auto parts = assemble_engine(options, nullptr);
    EXPECT_TRUE(parts.ok()) << parts.error().text();
    if (!parts.ok()) return {};
    Interrupts interrupts;
    GenerateRun run(*parts.value(), std::move(knobs), nullptr);
    std::vector<FileRequest> requests = requests_of(parts.value()->tokenizer(), 7);
    for (size_t i = 0; i < replayed.size(); ++i)
        requests[i].request.numeric_history = replayed[i].numeric_history;
    auto outcomes = run.run(std::move(requests), interrupts);
    EXPECT_TRUE(parts.value()->engine->check_integrity().ok());
    return outcomes;
}

void expect_same(const std::vector<GenerationOutcome>& alone, const std::vector<GenerationOutcome>& together,
                 std::string_view way) {
    ASSERT_EQ(alone.size(), together.size());
    for (size_t i = 0; i < alone.size(); ++i) {
        EXPECT_EQ(alone[i].ids, together[i].ids) << way << ", request " << i;
        EXPECT_EQ(alone[i].text, together[i].text) << way << ", request " << i;
        EXPECT_EQ(together[i].reason, engine::FinishReason::kLength)
            << way << ", request " << i << ": " << together[i].error;
    }
}

void every_way(const std::string& model) {
    const auto alone = answers(options_of(model, {"max_num_seqs=1", "enable_prefix_caching=false"}));
    ASSERT_EQ(alone.size(), kRequests);
    const auto expect_way = [&](std::initializer_list<std::string_view> settings, std::string_view name) {
        auto options = options_of(model, settings);
        options.knobs.set(KnobId::kMaxNumSeqs, kRequests);
        expect_same(alone, answers(options), name);
    };
    expect_way({"long_prefill_token_threshold=1"}, "chunks of 1");
    expect_way({"long_prefill_token_threshold=7"}, "chunks of 7");
    expect_way({"long_prefill_token_threshold=64"}, "chunks of 64");
    expect_way({"enable_chunked_prefill=false"}, "whole prompts");
    expect_way({"enable_prefix_caching=false"}, "without the prefix cache");
    expect_way({"num_kv_blocks=24"}, "a pool that preempts");
    expect_way({"speculative_method=ngram", "speculative_adaptive=false"}, "ngram drafts");
    expect_way({"speculative_method=suffix", "num_speculative_tokens=8", "num_kv_blocks=24"},
               "suffix drafts, chosen");
    const auto expect_draft_model = [&](const std::string& draft_model,
                                        std::initializer_list<std::string_view> settings) {
        auto options = options_of(model, settings);
        options.draft_model = draft_model;
        options.knobs.set(KnobId::kMaxNumSeqs, kRequests);
        expect_same(alone, answers(options), "drafts of " + draft_model);
    };
    expect_draft_model(model, {"speculative_method=draft", "speculative_adaptive=false"});
    expect_draft_model(model, {"speculative_method=draft", "num_kv_blocks=24"});
    for (const uint32_t seed : StormSeeds(2)) {
        auto options = options_of(model, {});
        options.draft_model = model;  // for where the storm turns to it
        options.knobs.set(KnobId::kMaxNumSeqs, kRequests);
        expect_same(alone, answers(options, storm(seed, {presets::KnobEffect::kSchedule})),
                    "a storm of knobs");
    }
}

/// The storm changes the KV format too; and of its changes so many more that answers meet several.
void every_history(const std::string& model, uint32_t rounds) {
    size_t changes = 0, stages = 0, inherited = 0, differ = 0;
    std::vector<std::vector<TokenId>> plain;
    for (const uint32_t seed : StormSeeds(rounds)) {
        auto options = options_of(model, {"num_kv_blocks=40"});
        options.draft_model = model;
        options.knobs.set(KnobId::kMaxNumSeqs, kRequests);
        auto knobs = storm(seed, {presets::KnobEffect::kSchedule, presets::KnobEffect::kNumerics});
        for (uint64_t step = 2; step < 400; step += 1 + seed % 5) {
            knobs.push_back({step, KnobId::kKvCacheDtype, static_cast<double>((step * seed + step / 3) % 7)});
            if (step % 4 == 0)
                knobs.push_back(
                    {step + 1, KnobId::kActivationDtype, static_cast<double>((step / 4 + seed) % 5)});
        }
        std::stable_sort(knobs.begin(), knobs.end(),
                         [](const auto& a, const auto& b) { return a.step < b.step; });
        const auto together = answers(options, knobs);
        const auto replayed = answers(options_of(model, {}), {}, together);
        expect_same(replayed, together, "replayed");
        for (size_t i = 0; i < together.size(); ++i) {
            EXPECT_EQ(replayed[i].numeric_history, together[i].numeric_history) << "request " << i;
            stages += together[i].numeric_history.size() - 1;
            for (const auto& stage : together[i].numeric_history) changes += stage.formats.size() - 1;
            inherited +=
                together[i].cached_tokens > 0 && together[i].numeric_history.front().formats.size() > 1;
            if (plain.size() <= i) plain.push_back(together[i].ids);
            differ += plain[i] != together[i].ids;
        }
    }
    if (rounds < 4) return;  // one storm need not have met all of these
    EXPECT_GT(changes, 20u);
    EXPECT_GT(stages, 0u) << "nobody was preempted and came back otherwise";
    EXPECT_GT(inherited, 0u) << "nobody began with what others had computed before a conversion";
    EXPECT_GT(differ, 0u) << "formats made no difference, so nothing was tried";
}

bool is_repeatable(const engine::NumericHistory& history) {
    return engine::reason_history_is_wrong(history).empty();
}

/// batch_invariant is off for the first steps, and on again while requests come and go. Whoever met nothing of it, not even in the prefix cache, has the
/// answer of the request alone; and nobody is lost.
void fast_mode_in_between(const std::string& model) {
    const auto alone = answers(options_of(model, {"max_num_seqs=1", "enable_prefix_caching=false"}));
    for (const uint64_t until : {1u, 3u}) {
        auto options = options_of(model, {});
        // So many prompts at once that a library is asked, and some that come when it is not.
        options.knobs.set(KnobId::kMaxNumSeqs, static_cast<double>(std::max<size_t>(2, kRequests * 3 / 4)));
        const auto together =
            answers(options, {{0, KnobId::kBatchInvariant, 0}, {until, KnobId::kBatchInvariant, 1}});
        ASSERT_EQ(together.size(), alone.size());
        size_t met = 0;
        for (size_t i = 0; i < together.size(); ++i) {
            EXPECT_EQ(together[i].reason, engine::FinishReason::kLength) << together[i].error;
            const bool repeatable = is_repeatable(together[i].numeric_history);
            met += !repeatable;
            if (repeatable) {
                EXPECT_EQ(together[i].ids, alone[i].ids) << "until step " << until << ", request " << i;
            }
        }
        EXPECT_EQ(met > 0, kDevice.starts_with("cuda"));
        EXPECT_LT(met, together.size());
    }
}

}  // namespace

TEST(SameTokens, TinyModelWithTheFastModeInBetween) { fast_mode_in_between("synthetic:tiny:bf16"); }

TEST(SameTokens, TinyModelWithFloat8Weights) {
    if (!kDevice.starts_with("cuda")) GTEST_SKIP() << kDevice << " has no such weights";
    const auto with_weights = [](std::initializer_list<std::string_view> settings) {
        auto options = options_of("synthetic:tiny:bf16", settings);
        EXPECT_TRUE(options.knobs.set_from_text("weight_dtype=fp8").ok());
        return options;
    };
    const auto alone = answers(with_weights({"max_num_seqs=1", "enable_prefix_caching=false"}));
    ASSERT_EQ(alone.size(), kRequests);
    for (const char* way :
         {"long_prefill_token_threshold=7", "enable_chunked_prefill=false", "num_kv_blocks=24"}) {
        auto options = with_weights({way});
        options.knobs.set(KnobId::kMaxNumSeqs, kRequests);
        expect_same(alone, answers(options), way);
    }
}

TEST(SameTokens, TinyModel) { every_way("synthetic:tiny"); }

TEST(SameTokens, RealModel) {
    const std::string path = engine::default_model_path();
    if (!std::filesystem::exists(path))
        GTEST_SKIP() << "no model at " << path << ": scripts/fetch-model gets it";
    every_way(path);
}

TEST(SameTokens, TinyModelThroughEveryFormat) {
    every_history("synthetic:tiny", kRequests < kAllRequests ? 3 : storm_size(12));
}

TEST(SameTokens, RealModelThroughEveryFormat) {
    const std::string path = engine::default_model_path();
    if (!std::filesystem::exists(path))
        GTEST_SKIP() << "no model at " << path << ": scripts/fetch-model gets it";
    every_history(path, 1);
}
