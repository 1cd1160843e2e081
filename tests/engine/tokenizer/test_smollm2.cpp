// SPDX-License-Identifier: GPL-3.0-or-later
// The default model's tokenizer against two independent ones, line by line (tests/data/smollm2).
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/tokenizer/tokenizer.h"

namespace pitwall::engine {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

std::vector<json> lines(const char* name) {
    std::ifstream file(std::string(PITWALL_SOURCE_DIR "/tests/data/smollm2/") + name);
    std::vector<json> out;
    for (std::string line; std::getline(file, line);) out.push_back(json::parse(line));
    return out;
}

class SmolLM2 : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        if (!std::filesystem::exists(default_model_path())) return;
        const auto model = open_model("", 0, false);
        ASSERT_TRUE(model.ok()) << model.error().text();
        auto tokenizer = Tokenizer::create(model.value()->vocabulary());
        ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
        tokenizer_ = std::move(tokenizer).value();
    }
    void SetUp() override {
        if (!tokenizer_) GTEST_SKIP() << "no default model: run scripts/fetch-model";
    }
    static inline std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(SmolLM2, EncodesEveryLine) {
    const std::vector<json> all = lines("tokenizer.jsonl");
    ASSERT_EQ(all.size(), 239u);
    for (const json& line : all) {
        const std::string text = line["text"];
        const Ids ids = line["ids"], plain = line.value("ids_plain", ids);
        EXPECT_EQ(tokenizer_->encode(text, true), ids) << text;
        EXPECT_EQ(tokenizer_->encode(text, false), plain) << text;
        if (!line.contains("lossy")) {
            EXPECT_EQ(tokenizer_->decode(ids), text);
        }
    }
}

TEST_F(SmolLM2, RendersEveryConversation) {
    const std::vector<json> all = lines("chat_template.jsonl");
    ASSERT_EQ(all.size(), 5u);
    for (const json& line : all) {
        std::vector<ChatMessage> messages;
        for (const json& m : line["messages"]) messages.push_back({m["role"], m["content"]});
        const Result<std::string> text = tokenizer_->render_chat(messages);
        ASSERT_TRUE(text.ok()) << text.error().text();
        EXPECT_EQ(text.value(), line["text"].get<std::string>());
        EXPECT_EQ(tokenizer_->encode(text.value(), true), line["ids"].get<Ids>());
    }
}

TEST_F(SmolLM2, SequencesComeBackFromTheirText) {
    for (const json& line : lines("sequences.jsonl")) {
        const Ids ids = line["ids"];
        EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(tokenizer_->decode(ids), true)),
                  tokenizer_->decode(ids));
        std::string streamed;
        StreamDecoder decoder({});
        for (const TokenId id : ids) streamed += decoder.push(tokenizer_->token_bytes(id)).text;
        EXPECT_EQ(streamed + decoder.finish(), tokenizer_->decode(ids)) << line["name"];
    }
}

TEST_F(SmolLM2, KnowsItsSpecialTokens) {
    EXPECT_EQ(tokenizer_->vocab_size(), 49152u);
    EXPECT_TRUE(tokenizer_->is_end(2));
    EXPECT_TRUE(tokenizer_->is_end(0));
    EXPECT_FALSE(tokenizer_->is_end(1));
    EXPECT_EQ(tokenizer_->token_bytes(2), "<|im_end|>");
    EXPECT_EQ(tokenizer_->token_bytes(-1), "");
    EXPECT_EQ(tokenizer_->token_bytes(49152), "");
}

/// Far above what it takes; a quadratic merge or match would take minutes.
TEST_F(SmolLM2, LongWordsTakeNoLongerThanLongTexts) {
    const std::clock_t begin =
        std::clock();  // of this process alone: other work on the machine is no failure
    for (const char* unit : {"a", " ", "\n", "ab", "\xc3\xa9", "!", "\x01", "'", "7", "\xff", "a\xcc\x81"}) {
        std::string text;
        while (text.size() < 1 << 18) text += unit;
        const Ids ids = tokenizer_->encode(text, true);
        if (*unit != '\x01' && *unit != '\xff') {
            EXPECT_EQ(tokenizer_->decode(ids), text);
        }
    }
    EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 60);
}

}  // namespace
}  // namespace pitwall::engine
