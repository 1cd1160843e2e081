// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "app/core/cli/generate_run.h"
#include "app/core/cli/numeric_history_json.h"
#include "app/core/cli/request_file.h"
#include "engine/model/model.h"
#include "tests/storm.h"

using namespace pitwall;
using namespace pitwall::app;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

class RequestFile : public testing::Test {
  protected:
    void SetUp() override {
        auto model = engine::open_model("synthetic:tiny", 1, false);
        ASSERT_TRUE(model.ok()) << model.error().text();
        model_ = std::move(model).value();
        auto tokenizer = engine::Tokenizer::create(model_->vocabulary());
        ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
        tokenizer_ = std::move(tokenizer).value();
    }
    Result<std::vector<FileRequest>> parse(std::string_view text) const {
        return parse_requests(text, "r.jsonl", *tokenizer_, model_->config().vocab_size);
    }
    std::string refusal(std::string_view third_line) const {
        const auto requests = parse("{\"id\": \"a\", \"ids\": [1]}\n\n" + std::string(third_line) + "\n");
        return requests.ok() ? "accepted" : requests.error().text();
    }

    std::unique_ptr<engine::Model> model_;
    std::unique_ptr<engine::Tokenizer> tokenizer_;
};

}  // namespace

TEST_F(RequestFile, ReadsEveryField) {
    const auto requests = parse(
        R"({"id": "x", "ids": [5, 6], "max_tokens": 7, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.2,)"
        R"( "seed": 18446744073709551615, "stop": ["a", "b"], "ignore_eos": true, "min_tokens": 2, "priority": -4, "timeout_ms": 1500, "arrival_ms": 0.25})");
    ASSERT_TRUE(requests.ok()) << requests.error().text();
    const engine::GenerationRequest& r = requests.value().front().request;
    EXPECT_EQ(requests.value().front().id, "x");
    EXPECT_EQ(r.prompt, (std::vector<TokenId>{5, 6}));
    EXPECT_EQ(r.max_tokens, 7u);
    EXPECT_FLOAT_EQ(r.sampling.temperature, 0.5f);
    EXPECT_EQ(r.sampling.top_k, 3);
    EXPECT_FLOAT_EQ(r.sampling.top_p, 0.9f);
    EXPECT_FLOAT_EQ(r.sampling.min_p, 0.1f);
    EXPECT_FLOAT_EQ(r.sampling.repetition_penalty, 1.2f);
    EXPECT_EQ(r.sampling.seed, UINT64_MAX);
    EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(r.ignore_eos);
    EXPECT_EQ(r.min_tokens, 2u);
    EXPECT_EQ(r.priority, -4);
    EXPECT_EQ(r.timeout_ns, 1'500'000'000);
    EXPECT_EQ(r.arrival_ns, 250'000);
}

TEST_F(RequestFile, RendersMessagesAndTokenizesPrompts) {
    const auto requests = parse(
        "{\"id\": \"p\", \"prompt\": \"hello\"}\n{\"id\": \"m\", \"messages\": [{\"role\": \"user\", "
        "\"content\": \"hi\"}]}");
    ASSERT_TRUE(requests.ok()) << requests.error().text();
    EXPECT_EQ(requests.value()[0].request.prompt, tokenizer_->encode("hello", true));
    EXPECT_THAT(requests.value()[1].request.prompt_text, HasSubstr("user\nhi"));
}

TEST_F(RequestFile, RefusesByLineAndField) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"id": "x", "ids": [1], "temprature": 0})", "did you mean temperature?"},
        {R"({"id": "x", "ids": [1], "prompt": "y"})", "several of prompt, ids and messages"},
        {R"({"id": "x", "max_tokens": 4})", "none of prompt, ids and messages"},
        {R"({"ids": [1]})", "has no id"},
        {R"({"id": "", "ids": [1]})", "field id"},
        {R"({"id": 3, "ids": [1]})", "field id"},
        {R"({"id": "x", "ids": [1000000000]})", "field ids"},
        {R"({"id": "x", "ids": [99999999999999999999]})", "field ids"},
        {R"({"id": "x", "ids": [-1]})", "field ids"},
        {R"({"id": "x", "ids": [1.5]})", "field ids"},
        {R"({"id": "x", "ids": "100"})", "field ids"},
        {R"({"id": "x", "ids": []})", "field ids"},
        {R"({"id": "x", "prompt": ""})", "field prompt"},
        {R"({"id": "x", "prompt": 3})", "field prompt"},
        {R"({"id": "x", "messages": []})", "field messages"},
        {R"({"id": "x", "messages": [{"role": "user"}]})", "field messages"},
        {R"({"id": "x", "ids": [1], "max_tokens": -1})", "field max_tokens"},
        {R"({"id": "x", "ids": [1], "max_tokens": 0})", "field max_tokens"},
        {R"({"id": "x", "ids": [1], "max_tokens": 1.5})", "field max_tokens"},
        {R"({"id": "x", "ids": [1], "max_tokens": 18446744073709551615})", "field max_tokens"},
        {R"({"id": "x", "ids": [1], "temperature": -1})", "field temperature"},
        {R"({"id": "x", "ids": [1], "temperature": "hot"})", "field temperature"},
        {R"({"id": "x", "ids": [1], "top_p": 0})", "field top_p"},
        {R"({"id": "x", "ids": [1], "min_p": 2})", "field min_p"},
        {R"({"id": "x", "ids": [1], "top_k": -1})", "field top_k"},
        {R"({"id": "x", "ids": [1], "repetition_penalty": 0})", "field repetition_penalty"},
        {R"({"id": "x", "ids": [1], "seed": -1})", "field seed"},
        {R"({"id": "x", "ids": [1], "stop": ""})", "field stop"},
        {R"({"id": "x", "ids": [1], "stop": [3]})", "field stop"},
        {R"({"id": "x", "ids": [1], "ignore_eos": 1})", "field ignore_eos"},
        {R"({"id": "x", "ids": [1], "min_tokens": 9, "max_tokens": 8})", "field min_tokens"},
        {R"({"id": "x", "ids": [1], "timeout_ms": -1})", "field timeout_ms"},
        {R"({"id": "x", "ids": [1], "arrival_ms": null})", "field arrival_ms"},
        {R"({"id": "x", "ids": [1], "numeric_history": []})", "field numeric_history"},
        {R"({"id": "x", "ids": [1], "numeric_history": {}})", "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0]]}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f17"]]}]})",
         "format \"f17\""},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[4, "f16"]]}]})", "begin at 0"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "k": 1}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": [[0, "i9"]]}]})",
         "format \"i9\""},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": []}]})",
         "begin at 0"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": 8}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": [[0, "i8"], [9, "i16"], [3, "i8"]]}]})",
         "to an earlier one"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": [[0, "i8", "amx"]]}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16", "amx"]]}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "activation_dtype": [[0, "bf16", 1]]}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"tokens": -1, "kv_cache_dtype": [[0, "f16"]]}]})",
         "as generate prints it"},
        {R"({"id": "x", "ids": [1], "numeric_history": [{"kv_cache_dtype": [[0, "f16"]], "batch_invariant": [[0, "false"]]}]})",
         "batch_invariant=false"},
        {R"({"id": "a", "ids": [1]})", "id \"a\" of line 1"},
        {R"({"id": "x", "id": "y", "ids": [1]})", "twice"},
        {R"({"id": "x", "ids": [1)", "ends in the middle"},
        {R"([])", "not a JSON object"},
        {R"(nonsense)", "not valid JSON"},
    };
    for (const auto& [line, says] : cases) {
        EXPECT_THAT(refusal(line), HasSubstr(says)) << line;
        EXPECT_THAT(refusal(line), HasSubstr("r.jsonl line 3")) << line;
    }
    EXPECT_EQ(refusal(R"({"id": "x", "ids": [1]})"), "accepted");
    EXPECT_THAT(parse("\n \n").error().text(), HasSubstr("holds no request"));
}

TEST_F(RequestFile, BytesTurnedAtRandomNeverCrash) {
    const std::string good =
        R"({"id": "x", "ids": [5, 6], "max_tokens": 7, "temperature": 0.5, "stop": ["a"], "seed": 4, "arrival_ms": 3, )"
        R"("numeric_history": [{"tokens": 9, "kv_cache_dtype": [[0, "f16"]], "activation_dtype": [[0, "i8"]]}, {"kv_cache_dtype": [[0, "int8"]]}]})";
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        for (int i = 0; i < 5000; ++i) {
            std::string text = good;
            for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips)
                text[random() % text.size()] ^= static_cast<char>(1u << (random() % 8));
            const auto requests = parse(text);
            if (requests.ok()) continue;
            EXPECT_EQ(requests.error().text().find('\n'), std::string::npos);
        }
    }
}

/// Two lists of changes say what one did, also where both change at the same position.
TEST(NumericHistoryJson, IsReadAsItWasWritten) {
    using engine::ActivationDtype, engine::KvDtype;
    const engine::NumericHistory history{
        {9, {{0, {KvDtype::kF16, ActivationDtype::kI8}}, {4, {KvDtype::kF16, ActivationDtype::kI16}}}},
        {0,
         {{0, {KvDtype::kF16, ActivationDtype::kI8}},
          {5, {KvDtype::kInt8, ActivationDtype::kF32}},
          {5, {KvDtype::kInt4, ActivationDtype::kF32}},
          {6, {KvDtype::kInt4, ActivationDtype::kBf16}},
          {7, {KvDtype::kInt4, ActivationDtype::kI8}},
          {8, {KvDtype::kF16, ActivationDtype::kI8}}}}};
    engine::NumericHistory read;
    EXPECT_EQ(read_numeric_history(json::parse(numeric_history_json(history).dump()), read), "");
    EXPECT_EQ(read, history);
    read.clear();
    EXPECT_EQ(read_numeric_history(json::parse(R"([{"kv_cache_dtype": [[0, "f16"], [3, "int8"]]}])"), read),
              "");
    EXPECT_EQ(read, (engine::NumericHistory{{0,
                                             {{0, {KvDtype::kF16, ActivationDtype::kF32}},
                                              {3, {KvDtype::kInt8, ActivationDtype::kF32}}}}}))
        << "written before activations had a format";
}

/// Said where it was off, and only there; such a history is for reading, not for replaying.
TEST(NumericHistoryJson, SaysWhereBatchesMattered) {
    using engine::ActivationDtype, engine::KvDtype;
    engine::NumericHistory history{{0, {{0, {KvDtype::kF16, ActivationDtype::kF16}}}}}, read;
    EXPECT_FALSE(numeric_history_json(history)[0].contains("batch_invariant"));
    history[0].formats.push_back({30, {KvDtype::kF16, ActivationDtype::kF16, false}});
    const json told = json::parse(numeric_history_json(history).dump());
    EXPECT_EQ(told[0]["batch_invariant"], json::parse(R"([[0, "true"], [30, "false"]])"));
    EXPECT_EQ(told[0]["activation_dtype"], json::parse(R"([[0, "f16"]])"));
    EXPECT_THAT(read_numeric_history(told, read), HasSubstr("batch_invariant=false"));
}

TEST(ScheduledKnobs, AreSortedByStepAndChecked) {
    const auto knobs =
        parse_scheduled_knobs({"12:max_num_seqs=2", "3:batching=static", "3:num_kv_blocks=48"});
    ASSERT_TRUE(knobs.ok()) << knobs.error().text();
    EXPECT_EQ(knobs.value()[0].step, 3u);
    EXPECT_EQ(knobs.value()[0].knob, presets::KnobId::kBatching);
    EXPECT_EQ(knobs.value()[1].knob, presets::KnobId::kNumKvBlocks);
    EXPECT_EQ(knobs.value()[2].value, 2);
    for (const char* wrong :
         {"max_num_seqs=2", ":max_num_seqs=2", "x:max_num_seqs=2", "-1:max_num_seqs=2", "3:max_num_seq=2",
          "3:max_num_seqs=0", "3:kv_cache_memory_bytes=1048576", "3:", ""})
        EXPECT_FALSE(parse_scheduled_knobs({wrong}).ok()) << wrong;
}
