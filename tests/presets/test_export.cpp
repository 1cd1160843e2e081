// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "presets/export.h"

using namespace pitwall;
using namespace pitwall::presets;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace {

constexpr Target kAll[] = {Target::kVllm, Target::kSglang, Target::kTensorRtLlm, Target::kLlamaServer};

KnobValues given(std::initializer_list<std::string_view> settings) {
    KnobValues values;
    for (const std::string_view setting : settings) {
        const Status set = values.set_from_text(setting);
        EXPECT_TRUE(set.ok()) << setting;
    }
    return values;
}

}  // namespace

TEST(Export, SpellsTheKvFormatOfEachFlag) {
    const KnobValues mixed = given({"kv_cache_dtype=k8v4"}), plain = given({"kv_cache_dtype=f16"});
    EXPECT_EQ(export_to(Target::kLlamaServer, mixed).text,
              "llama-server --model MODEL \\\n  --cache-type-k q8_0 \\\n  --cache-type-v q4_1\n");
    EXPECT_EQ(export_to(Target::kLlamaServer, plain).text,
              "llama-server --model MODEL \\\n  --cache-type-k f16 \\\n  --cache-type-v f16\n");
    EXPECT_EQ(export_to(Target::kLlamaServer, mixed).notes.size(), 1u);
    EXPECT_TRUE(export_to(Target::kLlamaServer, plain).notes.empty()) << "nothing differs there";
    EXPECT_EQ(export_to(Target::kSglang, mixed).missing,
              std::vector<std::string>{"kv_cache_dtype=k8v4 has no equivalent in sglang"});
}

TEST(Export, SaysOfAChoiceWhatHoldsForIt) {
    const auto notes = [](Target target, std::string_view setting) {
        return export_to(target, given({setting})).notes;
    };
    for (const char* plain : {"kv_cache_dtype=f32", "kv_cache_dtype=bf16"})
        EXPECT_THAT(notes(Target::kLlamaServer, plain), IsEmpty()) << "no scale there either";
    EXPECT_THAT(notes(Target::kVllm, "kv_cache_dtype=bf16"), IsEmpty());
    EXPECT_THAT(notes(Target::kVllm, "kv_cache_dtype=int4"), ElementsAre(HasSubstr("scales and rotations")));
    EXPECT_THAT(notes(Target::kLlamaServer, "speculative_method=ngram"), IsEmpty());
    EXPECT_THAT(notes(Target::kLlamaServer, "speculative_method=draft"), ElementsAre(HasSubstr("-md FILE")));
}

TEST(Export, SpellsAsEachEngineDoes) {
    const KnobValues values = given({"max_num_seqs=37", "max_num_batched_tokens=512",
                                     "enable_prefix_caching=false", "num_kv_blocks=100"});
    EXPECT_EQ(export_to(Target::kVllm, values).text,
              "vllm serve MODEL \\\n  --max-num-seqs 37 \\\n  --max-num-batched-tokens 512 \\\n  "
              "--no-enable-prefix-caching \\\n  --num-gpu-blocks-override 100\n");
    EXPECT_EQ(export_to(Target::kSglang, values).text,
              "python3 -m sglang.launch_server --model-path MODEL \\\n  --max-running-requests 37 \\\n  "
              "--max-prefill-tokens 512 \\\n  --disable-radix-cache "
              "\\\n  --max-total-tokens 1600\n");
    EXPECT_EQ(export_to(Target::kLlamaServer, values).text,
              "llama-server --model MODEL \\\n  --parallel 37 \\\n  --batch-size 512 \\\n  --no-cache-prompt "
              "\\\n  --ctx-size 1600\n");
    EXPECT_EQ(export_to(Target::kTensorRtLlm, values).text,
              "max_batch_size: 37\nmax_num_tokens: 512\nkv_cache_config:\n  enable_block_reuse: false\n  "
              "max_tokens: 1600\n");
}

TEST(Export, NamesWhatHasNoEquivalent) {
    const KnobValues values = given({"batching=static", "scheduling_policy=longest_prefix"});
    for (const Target target : kAll) {
        const Exported out = export_to(target, values);
        EXPECT_THAT(out.missing, testing::Contains(HasSubstr("batching=static has no equivalent in")))
            << target_name(target);
    }
    EXPECT_THAT(export_to(Target::kSglang, values).text, HasSubstr("--schedule-policy lpm"));
    EXPECT_THAT(export_to(Target::kVllm, values).missing,
                testing::Contains(HasSubstr("scheduling_policy=longest_prefix")));
    EXPECT_THAT(export_to(Target::kTensorRtLlm, values).text, HasSubstr("# batching=static"));
}

TEST(Export, SaysAFlagOnce) {
    const Exported out = export_to(
        Target::kSglang, given({"enable_chunked_prefill=false", "long_prefill_token_threshold=64"}));
    EXPECT_THAT(out.text, HasSubstr("--chunked-prefill-size -1\n"));
    EXPECT_THAT(out.text, Not(HasSubstr("64")));
    EXPECT_THAT(out.missing,
                ElementsAre(HasSubstr("enable_chunked_prefill already sets --chunked-prefill-size")));
}

TEST(Export, WhatIsOnAnywayNeedsNoFlag) {
    const Exported out =
        export_to(Target::kSglang, given({"enable_chunked_prefill=true", "enable_prefix_caching=true"}));
    EXPECT_EQ(out.text, "python3 -m sglang.launch_server --model-path MODEL\n");
    EXPECT_THAT(out.missing, IsEmpty());
}

TEST(Export, OffIsLeftOutWhereTheyHaveNoOff) {
    const KnobValues values = given({"long_prefill_token_threshold=off", "max_queue_length=off"});
    EXPECT_EQ(export_to(Target::kVllm, values).text,
              "vllm serve MODEL \\\n  --long-prefill-token-threshold 0\n");
    EXPECT_THAT(export_to(Target::kVllm, values).missing, ElementsAre(HasSubstr("max_queue_length=off")));
}

TEST(Export, LeavesTheDefaultsAlone) {
    for (const Target target : kAll) EXPECT_THAT(export_to(target, KnobValues()).missing, IsEmpty());
    EXPECT_EQ(export_to(Target::kTensorRtLlm, KnobValues()).text, "{}\n");
}

TEST(Export, EverySettingIsEitherSpelledOrNamed) {
    KnobValues values;
    for (const KnobSpec& knob : knob_table())
        values.set(knob.id, knob.type == KnobType::kChoice ? 0 : knob.maximum);
    for (const Target target : kAll) {
        const Exported out = export_to(target, values);
        for (const KnobSpec& knob : knob_table()) {
            bool named = false;
            for (const std::string& sentence : out.missing)
                named = named || sentence.starts_with(std::string(knob.name) + "=");
            const Spelling& theirs = spelling(knob, target);
            EXPECT_NE(named, !theirs.flag.empty() || !theirs.off.empty())
                << knob.name << " for " << target_name(target);
        }
    }
}

TEST(Export, NamesTheNearestTarget) {
    EXPECT_THAT(parse_target("vlm").error().hint, HasSubstr("did you mean vllm?"));
    EXPECT_EQ(parse_target("tensorrt-llm").value(), Target::kTensorRtLlm);
}
