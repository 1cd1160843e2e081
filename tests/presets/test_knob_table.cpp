// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

#include "presets/advice.h"
#include "presets/knob.h"
#include "presets/nearest.h"

using namespace pitwall;
using namespace pitwall::presets;
using ::testing::HasSubstr;

TEST(KnobTable, RowsAreInOrderOfTheirIdsAndNamedOnce) {
    ASSERT_EQ(knob_table().size(), kKnobCount);
    std::set<std::string_view> names;
    for (size_t i = 0; i < kKnobCount; ++i) {
        const KnobSpec& knob = knob_table()[i];
        EXPECT_EQ(static_cast<size_t>(knob.id), i);
        EXPECT_TRUE(names.insert(knob.name).second) << knob.name;
        EXPECT_EQ(find_knob(knob.name), &knob);
        EXPECT_FALSE(knob.help.empty()) << knob.name;
        EXPECT_FALSE(knob.group.empty()) << knob.name;
        EXPECT_EQ(knob.live, knob.reload_reason.empty()) << knob.name;
    }
}

TEST(KnobTable, DefaultsLieInTheirRange) {
    for (const KnobSpec& knob : knob_table()) {
        EXPECT_GE(knob.default_value, knob.minimum) << knob.name;
        EXPECT_LE(knob.default_value, knob.maximum) << knob.name;
        EXPECT_GT(knob.step, 0) << knob.name;
        if (knob.type == KnobType::kChoice) {
            EXPECT_EQ(knob.maximum, static_cast<double>(knob.choices.size()) - 1) << knob.name;
        } else {
            EXPECT_TRUE(knob.choices.empty()) << knob.name;
        }
    }
}

TEST(KnobTable, EveryEngineEitherSpellsAKnobOrSaysWhyNot) {
    for (const KnobSpec& knob : knob_table())
        for (const Spelling& theirs : {knob.vllm, knob.sglang, knob.tensorrt_llm, knob.llama_server}) {
            EXPECT_FALSE(theirs.flag.empty() && theirs.off.empty() && theirs.note.empty()) << knob.name;
            if (knob.type == KnobType::kChoice && !theirs.flag.empty()) {
                EXPECT_EQ(
                    static_cast<size_t>(std::count(theirs.choices.begin(), theirs.choices.end(), ',')) + 1,
                    knob.choices.size())
                    << knob.name;
            }
        }
}

TEST(KnobTable, ChoicesAreNumberedAsTheirEnums) {
    const auto is = [](KnobId id, auto value, std::string_view word) {
        return spec(id).choices[static_cast<size_t>(value)] == word;
    };
    EXPECT_TRUE(is(KnobId::kSchedulingPolicy, SchedulingPolicy::kShortestPrompt, "shortest_prompt"));
    EXPECT_TRUE(is(KnobId::kSchedulingPolicy, SchedulingPolicy::kLongestPrefix, "longest_prefix"));
    EXPECT_TRUE(is(KnobId::kBatching, Batching::kStatic, "static"));
    EXPECT_TRUE(is(KnobId::kArrivalProcess, ArrivalProcess::kGamma, "gamma"));
    EXPECT_TRUE(is(KnobId::kArrivalProcess, ArrivalProcess::kClosed, "closed"));
    EXPECT_TRUE(is(KnobId::kRecordOverflow, RecordOverflow::kGap, "gap"));
}

TEST(KnobValue, ReadsBackWhatItWrites) {
    std::mt19937_64 random(7);
    for (const KnobSpec& knob : knob_table())
        for (int i = 0; i < 50; ++i) {
            double value = std::uniform_real_distribution<double>(knob.minimum, knob.maximum)(random);
            if (knob.type != KnobType::kReal) value = std::floor(value);
            const auto again = parse_value(knob, format_value(knob, value));
            ASSERT_TRUE(again.ok()) << knob.name << " " << value;
            EXPECT_EQ(again.value(), value) << knob.name;
        }
}

TEST(KnobValue, RefusesByNameAndRange) {
    KnobValues values;
    const auto says = [&](std::string_view text) {
        const Status s = values.set_from_text(text);
        return s.ok() ? std::string("accepted") : s.error().text();
    };
    EXPECT_THAT(says("max_num_seqs=-3"),
                HasSubstr("max_num_seqs=-3 is out of range: give max_num_seqs 1 to 4096 sequences"));
    EXPECT_THAT(says("max_num_seqs=1.5"), HasSubstr("not a whole number"));
    EXPECT_THAT(says("max_num_seqs="), HasSubstr("not a number"));
    EXPECT_THAT(says("max_num_seqs=nan"), HasSubstr("not a number"));
    EXPECT_THAT(says("max_num_seqs=1e99"), HasSubstr("out of range"));
    EXPECT_THAT(says("max_num_seqs=0x10"), HasSubstr("not a number"));
    EXPECT_THAT(says("max_num_seq=4"), HasSubstr("did you mean max_num_seqs?"));
    EXPECT_THAT(says("batching=statik"), HasSubstr("did you mean static?"));
    EXPECT_THAT(says("enable_prefix_caching=maybe"), HasSubstr("true or false"));
    EXPECT_THAT(says("max_num_seqs"), HasSubstr("KNOB=VALUE"));
    EXPECT_THAT(says("=4"), HasSubstr("KNOB=VALUE"));
    EXPECT_THAT(says(std::string("max_num_seqs=\x1b[31m") + std::string(5000, 'x')), HasSubstr("?[31m"));
    EXPECT_EQ(values, KnobValues()) << "a refused setting changes nothing";
}

TEST(KnobValue, MemoryIsGivenInAnyUnit) {
    const KnobSpec& memory = spec(KnobId::kKvCacheMemoryBytes);
    constexpr double kMiB = 1048576;
    for (const auto& [text, bytes] :
         std::initializer_list<std::pair<const char*, double>>{{"2097152", 2 * kMiB},
                                                               {"2097152 B", 2 * kMiB},
                                                               {"512MiB", 512 * kMiB},
                                                               {"512 mb", 512 * kMiB},
                                                               {"1.5 GiB", 1536 * kMiB},
                                                               {"2048k", 2 * kMiB},
                                                               {"1T", 1048576 * kMiB},
                                                               {"0.3g", 322122547}}) {
        const auto read = parse_value(memory, text);
        ASSERT_TRUE(read.ok()) << text;
        EXPECT_EQ(read.value(), bytes) << text;
    }
    for (const char* text :
         {"", "GiB", "1 PiB", "1GiBs", "1 i", "infG", "-1M", "1023 KiB", "2T", "1e308T", "2097152.5"})
        EXPECT_FALSE(parse_value(memory, text).ok()) << text;
    EXPECT_FALSE(parse_value(spec(KnobId::kMaxNumSeqs), "1k").ok()) << "a count has no unit of size";
}

TEST(KnobValue, OffIsAValueOfThresholdsOnly) {
    KnobValues values;
    EXPECT_TRUE(values.set_from_text("long_prefill_token_threshold=off").ok());
    EXPECT_EQ(values.get(KnobId::kLongPrefillTokenThreshold), 0);
    EXPECT_EQ(format_value(spec(KnobId::kLongPrefillTokenThreshold), 0), "off");
    EXPECT_FALSE(values.set_from_text("max_num_seqs=off").ok());
    EXPECT_TRUE(values.set_from_text("record_text=off").ok());
    EXPECT_FALSE(values.boolean(KnobId::kRecordText));
}

TEST(KnobValue, IsShownWithItsUnit) {
    EXPECT_EQ(display_value(spec(KnobId::kMaxNumBatchedTokens), 256), "256 tokens");
    EXPECT_EQ(display_value(spec(KnobId::kRequestRate), 1.5), "1.50 req/s");
    EXPECT_EQ(display_value(spec(KnobId::kRequestTimeoutMs), 0), "off");
    EXPECT_EQ(display_value(spec(KnobId::kKvCacheMemoryBytes), 1073741824), "1 GiB");
    EXPECT_EQ(display_value(spec(KnobId::kBatching), 1), "static");
}

TEST(Nearest, CountsEdits) {
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("abc", ""), 3u);
    EXPECT_EQ(edit_distance("chatt", "chat"), 1u);
    EXPECT_EQ(edit_distance("caht", "chat"), 1u) << "a swap is one edit";
    EXPECT_EQ(edit_distance("Chat", "chat"), 0u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(nearest_knob_name("max_batched_tokens"), "max_num_batched_tokens");
    EXPECT_EQ(nearest("x", {}), "");
}

TEST(Advice, GuessesOnlyWhatIsLikely) {
    constexpr std::array<std::string_view, 3> kNames = {"device", "max-tokens", "bf16"};
    EXPECT_EQ(did_you_mean("devise", kNames, "see help"), "did you mean device? See help");
    EXPECT_EQ(did_you_mean("bfloat16", kNames, "see help"), "did you mean bf16? See help");
    for (const char* other : {"tensor", "max-model-len", "port", "x", ""})
        EXPECT_EQ(did_you_mean(other, kNames, "see help"), "see help") << other;
    EXPECT_EQ(did_you_mean(std::string(200, 'x'), kNames, "see help"), "see help") << "longer than any word";
    EXPECT_EQ(knob_advice("max_batched_tokens"),
              "did you mean max_num_batched_tokens? `pitwall knobs` lists them");
    EXPECT_EQ(knob_advice("enforce_eager"), "`pitwall knobs` lists them");
}

TEST(Advice, KnowsWhatOtherEnginesCallIt) {
    for (const char* name :
         {"tensor_parallel_size", "--tensor-parallel-size", "--tensor-parallel-size=2", "--tp"})
        EXPECT_THAT(called_here(name), HasSubstr("--device cuda:0,1")) << name;
    EXPECT_EQ(called_here("--max-num-seqs"), "that is --set max_num_seqs=VALUE here");
    EXPECT_EQ(called_here("--max-running-requests"), "that is --set max_num_seqs=VALUE here");
    EXPECT_EQ(called_here("--cache-type-v"), "that is --set kv_cache_dtype=VALUE here");
    EXPECT_EQ(called_here("--no-enable-prefix-caching"), "that is --set enable_prefix_caching=VALUE here");
    EXPECT_EQ(called_here("--quantization"), "that is --set weight_dtype=VALUE here");
    EXPECT_THAT(called_here("--dtype"), HasSubstr("--set weight_dtype=fp8"));
    EXPECT_EQ(called_here("--promt"), "");
    EXPECT_EQ(called_here(""), "");
}
