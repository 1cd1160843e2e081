// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "engine/model/gguf_model.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/engine/model/gguf_writer.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

/// Opens damaged bytes as a user's command would, down to a tokenized prompt. Either works, or says one sentence.
bool survives(const std::string& bytes) {
    Result<GgufContents> read = read_gguf(as_span(bytes), "damaged.gguf");
    if (!read.ok()) {
        EXPECT_FALSE(read.error().what.empty() || read.error().hint.empty());
        EXPECT_EQ(read.error().text().find('\n'), std::string::npos) << read.error().text();
        return false;
    }
    const GgufContents& c = read.value();
    for (const LayerWeights& layer : c.weights.layers) {
        std::vector<float> row(layer.q.columns);
        dequantize(layer.q.type, layer.q.data, row.size(), row.data());
    }
    const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::create(c.vocabulary);
    if (!tokenizer.ok()) {
        EXPECT_EQ(tokenizer.error().text().find('\n'), std::string::npos) << tokenizer.error().text();
        return false;
    }
    for (const TokenId id : tokenizer.value()->encode("Hello <|im_end|> w\xc3\xb6rld 42", true)) {
        EXPECT_LT(static_cast<size_t>(id), c.vocabulary.tokens.size());
    }
    (void)tokenizer.value()->render_chat(std::vector<ChatMessage>{{"user", "Hi"}});
    return true;
}

std::string damaged(std::string bytes, int round, std::mt19937_64& random) {
    const size_t directory = bytes.size() / 2;
    const int flips = round % 5 == 0 ? 64 : 1 + round % 4;
    for (int i = 0; i < flips; ++i) bytes[random() % directory] ^= static_cast<char>(1 << random() % 8);
    if (round % 7 == 0) bytes.resize(random() % bytes.size());
    if (bytes.empty()) return bytes;
    if (round % 11 == 0) bytes.insert(random() % bytes.size(), std::string(random() % 40, '\xff'));
    if (round % 13 == 0) bytes.erase(random() % bytes.size(), random() % 40);
    return bytes;
}

TEST(DamagedModel, BitFlipsCutsAndSplices) {
    constexpr int kRounds = 500;
    const std::string whole = SmallModel().bytes();
    for (const uint32_t seed : StormSeeds(storm_size(8))) {
        std::mt19937_64 random(seed);
        int refused = 0;
        for (int round = 0; round < kRounds && !HasFailure(); ++round)
            refused += survives(damaged(whole, round, random)) ? 0 : 1;
        EXPECT_GT(refused, kRounds / 8);
        EXPECT_LT(refused, kRounds);
    }
}

/// Eight bytes anywhere become a number that is likely to hurt.
TEST(DamagedModel, EvilNumbersEverywhere) {
    const std::string whole = SmallModel().bytes();
    for (const uint64_t evil : {~0ull, 1ull << 63, 1ull << 31, 0xffffffffull, 0ull}) {
        for (size_t at = 0; at + 8 <= std::min<size_t>(whole.size(), 9000); at += at < 1500 ? 1 : 5) {
            std::string bytes = whole;
            std::memcpy(bytes.data() + at, &evil, 8);
            (void)survives(bytes);
        }
    }
}

TEST(DamagedModel, EveryCutOfTheHeadIsRefused) {
    const std::string whole = SmallModel().bytes();
    for (size_t size = 0; size < 3000; size += size < 300 ? 1 : 37)
        EXPECT_FALSE(survives(whole.substr(0, size))) << size;
    EXPECT_FALSE(survives(whole.substr(0, whole.size() - 129)));
}

TEST(DamagedModel, DefaultModel) {
    std::ifstream file(default_model_path(), std::ios::binary);
    if (!file) GTEST_SKIP() << "no default model: run scripts/fetch-model";
    const std::string whole((std::istreambuf_iterator<char>(file)), {});
    EXPECT_TRUE(survives(whole));
    for (const uint32_t seed : StormSeeds(storm_size(40))) {
        std::mt19937_64 random(seed);
        std::string bytes = whole;
        constexpr size_t kRanges[] = {64, 2000, 2'200'000};
        std::vector<size_t> flipped;
        for (int i = 0; i < (seed % 4 == 0 ? 64 : 1); ++i)
            flipped.push_back(random() % kRanges[random() % 3]);
        for (const size_t at : flipped) bytes[at] ^= static_cast<char>(1 << random() % 8);
        (void)survives(bytes);
    }
}

}  // namespace
}  // namespace pitwall::engine
