// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "engine/model/synthetic_model.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/byte_pair_merger.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/special_tokens.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<TokenId>;
using Words = std::vector<std::string>;

/// Byte tokens from id 3 and the merges that are given.
Vocabulary with_merges(const std::vector<std::pair<std::string, std::string>>& merges) {
    Vocabulary v = synthetic_vocabulary(260);
    v.tokens.resize(259);
    for (const auto& [left, right] : merges) {
        v.tokens.push_back(left + right);
        v.merges.push_back(left + " " + right);
    }
    v.types.assign(v.tokens.size(), 1);
    for (size_t i = 0; i < 3; ++i) v.types[i] = 3;
    return v;
}

std::unique_ptr<Tokenizer> made(const Vocabulary& vocabulary) {
    Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::create(vocabulary);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().text();
    return std::move(tokenizer).value();
}

std::string refusal(const std::function<void(Vocabulary&)>& change) {
    Vocabulary v = with_merges({{"a", "b"}, {"ab", "c"}});
    change(v);
    const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::create(v);
    if (tokenizer.ok()) return "made";
    EXPECT_FALSE(tokenizer.error().hint.empty());
    EXPECT_EQ(tokenizer.error().text().find('\n'), std::string::npos);
    return tokenizer.error().what;
}

TEST(Tokenizer, MergesByRankAndFromTheLeft) {
    const auto t = made(with_merges({{"a", "b"}, {"ab", "c"}, {"b", "c"}, {"a", "a"}, {"aa", "aa"}}));
    EXPECT_THAT(t->encode("abc", true), ElementsAre(260));
    EXPECT_THAT(t->encode("bc", true), ElementsAre(261));
    EXPECT_THAT(t->encode("aaaaa", true), ElementsAre(263, 3 + 'a'));
    EXPECT_THAT(t->encode("aab", true), ElementsAre(3 + 'a', 259));
}

TEST(Tokenizer, SpecialTokensAreTextUnlessAskedFor) {
    const auto t = made(with_merges({}));
    EXPECT_THAT(t->encode("<|im_end|>", true), ElementsAre(2));
    EXPECT_EQ(t->encode("<|im_end|>", false).size(), 10u);
    EXPECT_EQ(t->decode(t->encode("a<|im_end|>b<|im_en", true)), "a<|im_end|>b<|im_en");
    EXPECT_THAT(t->encode("<|im_end|><|im_start|>x", true), ElementsAre(2, 1, 3 + 'x'));
}

TEST(Tokenizer, BytesWithoutATokenAreDroppedAndKeepTheirNeighboursApart) {
    Vocabulary v = with_merges({{"a", "b"}});
    v.tokens[3 + 'x'] = "no byte";
    const auto t = made(v);
    EXPECT_THAT(t->encode("axb", true), ElementsAre(3 + 'a', 3 + 'b'));
    EXPECT_THAT(t->encode("ab", true), ElementsAre(259));
    EXPECT_THAT(t->encode("xxx", true), ElementsAre());
}

TEST(Tokenizer, BosWhereTheFileAsksForIt) {
    Vocabulary v = with_merges({});
    v.bos = 1;
    v.add_bos = true;
    const auto t = made(v);
    EXPECT_THAT(t->encode("a", true), ElementsAre(1, 3 + 'a'));
    EXPECT_THAT(t->encode("<|im_start|>a", true), ElementsAre(1, 3 + 'a'));
    EXPECT_THAT(t->encode("a", false), ElementsAre(3 + 'a'));
}

TEST(Tokenizer, InvalidUtf8ComesBackByteForByte) {
    const auto t = made(with_merges({}));
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (int i = 0; i < 40; ++i)
            text += static_cast<char>(random() % 3 ? random() : 0x80 + random() % 0x80);
        EXPECT_EQ(t->decode(t->encode(text, false)), text);
    }
}

TEST(Tokenizer, RefusesDamagedVocabularies) {
    EXPECT_EQ(refusal([](Vocabulary&) {}), "made");
    EXPECT_THAT(refusal([](Vocabulary& v) { v.model = "llama"; }), HasSubstr("'llama'"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.pre = "viking"; }), HasSubstr("'viking' is unknown"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.pre = ""; }), HasSubstr("names no pre-tokenizer"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.tokens.clear(), v.types.clear(); }), HasSubstr("no tokens"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.types.pop_back(); }),
                HasSubstr("261 tokens and 260 token types"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.types[5] = 77; }), HasSubstr("token 5 of type 77"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.types[5] = -1; }), HasSubstr("token 5 of type -1"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.eos = 261; }), HasSubstr("special token 261 of 261"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.bos = -2; }), HasSubstr("special token -2"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.tokens[9] = v.tokens[8]; }), HasSubstr("token 8 twice, at 9"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[0] = "ab"; }), HasSubstr("merge 0 that is no pair"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[0] = ""; }), HasSubstr("no pair"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[0] = "a "; }), HasSubstr("no pair"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[0] = "a b c"; }), HasSubstr("no pair"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[0] = "a z"; }),
                HasSubstr("tokens that it does not have ('a z')"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.merges[1] = v.merges[0]; }), HasSubstr("merge 1 twice"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.tokens[0] = std::string(2000, 'x'); }),
                HasSubstr("2000 bytes"));
    EXPECT_THAT(refusal([](Vocabulary& v) { v.types.assign(v.types.size(), 3), v.merges.clear(); }),
                HasSubstr("no tokens for single bytes"));
}

TEST(Tokenizer, ABadChatTemplateIsToldWhenItIsUsed) {
    Vocabulary v = with_merges({});
    v.chat_template = "\n{% macro x() %}{% endmacro %}";
    const auto t = made(v);
    const Result<std::string> text = t->render_chat(std::vector<ChatMessage>{{"user", "x"}});
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.error().what,
              "the model's chat template: line 2 uses the tag 'macro', which is not supported");
    v.chat_template = "";
    EXPECT_FALSE(made(v)->render_chat({}).ok());
}

TEST(ByteAlphabet, EveryByteComesBack) {
    std::string all;
    for (int b = 0; b < 256; ++b) {
        EXPECT_EQ(symbols_to_bytes(byte_symbol(static_cast<uint8_t>(b))),
                  std::string(1, static_cast<char>(b)));
        all += byte_symbol(static_cast<uint8_t>(b));
    }
    EXPECT_EQ(symbols_to_bytes(all).size(), 256u);
    EXPECT_EQ(byte_symbol(' '), "\xc4\xa0");
    EXPECT_EQ(symbols_to_bytes("\xe2\x82\xac x"), "\xe2\x82\xac x");
    EXPECT_EQ(symbols_to_bytes("\xc4"), "\xc4");
}

/// Merges as the definition says: look at all pairs, join the best, begin again.
Ids slow_merge(Ids symbols, const std::map<std::pair<TokenId, TokenId>, std::pair<int, TokenId>>& rules) {
    while (true) {
        int best = -1;
        std::pair<int, TokenId> rule;
        for (size_t i = 0; i + 1 < symbols.size(); ++i) {
            const auto found = rules.find({symbols[i], symbols[i + 1]});
            if (found == rules.end() || (best >= 0 && found->second.first >= rule.first)) continue;
            best = static_cast<int>(i);
            rule = found->second;
        }
        if (best < 0) return symbols;
        symbols[static_cast<size_t>(best)] = rule.second;
        symbols.erase(symbols.begin() + best + 1);
    }
}

TEST(BytePairMerger, EqualsTheDefinitionOnRandomRules) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937 random(seed);
        for (int round = 0; round < 400; ++round) {
            const int alphabet = 2 + static_cast<int>(random() % 5), count = static_cast<int>(random() % 40);
            std::map<std::pair<TokenId, TokenId>, std::pair<int, TokenId>> rules;
            BytePairMerger merger(static_cast<size_t>(count));
            TokenId known = alphabet;
            for (int i = 0; i < count; ++i) {
                const auto any = [&] {
                    return static_cast<TokenId>(random() % static_cast<unsigned>(known));
                };
                // Most joins make a new token; some lead back to old ones, as damaged files may.
                const std::pair<TokenId, TokenId> pair{any(), any()};
                const TokenId joined = random() % 8 == 0 ? any() : known++;
                const int rank = static_cast<int>(rules.size());
                EXPECT_EQ(merger.add(pair.first, pair.second, joined),
                          rules.emplace(pair, std::pair{rank, joined}).second);
            }
            for (int word = 0; word < 10; ++word) {
                Ids symbols(random() % (word % 2 ? 30 : 200));
                for (TokenId& s : symbols)
                    s = random() % 30 ? static_cast<TokenId>(random() % static_cast<unsigned>(alphabet)) : -1;
                const Ids expected = slow_merge(symbols, rules);
                merger.merge(symbols);
                ASSERT_EQ(symbols, expected);
            }
        }
    }
}

TEST(SpecialTokens, FindsTheLeftmostAndOfThoseTheLongest) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937 random(seed);
        const auto word = [&](size_t longest) {
            std::string out(1 + random() % longest, 'a');
            for (char& c : out) c = static_cast<char>(random() % 5 ? 'a' + random() % 2 : 0xe9);
            return out;
        };
        for (int round = 0; round < 500; ++round) {
            std::map<std::string, TokenId> tokens;
            for (int i = 0; i < 6; ++i) tokens.emplace(word(5), i);
            const SpecialTokens finder({tokens.begin(), tokens.end()});
            const std::string text = word(30);
            SpecialTokens::Match expected{text.size(), 0, -1};
            for (size_t i = 0; i < text.size() && expected.id < 0; ++i) {
                for (const auto& [token, id] : tokens) {
                    if (text.compare(i, token.size(), token) == 0 && token.size() > expected.length)
                        expected = {i, token.size(), id};
                }
            }
            const SpecialTokens::Match got = finder.next(text, 0);
            ASSERT_EQ(got.begin, expected.begin) << text;
            ASSERT_EQ(got.length, expected.length) << text;
            ASSERT_EQ(got.id, expected.id) << text;
        }
    }
}

Words words(std::string_view rule, std::string_view text) {
    const auto splitter = PreTokenizer::create(rule);
    EXPECT_TRUE(splitter.ok());
    std::vector<std::string_view> out;
    splitter.value()->split(text, out);
    return {out.begin(), out.end()};
}

// Expected words by the published rules, worked out by hand and compared with the reference tokenizers.
TEST(PreTokenizer, Gpt2) {
    EXPECT_THAT(words("gpt-2", "Hello world's  42nd  "),
                ElementsAre("Hello", " world", "'s", " ", " 42", "nd", "  "));
    EXPECT_THAT(words("gpt-2", "DON'T \n\nx"), ElementsAre("DON", "'", "T", " \n", "\n", "x"));
}

TEST(PreTokenizer, SmollmTakesDigitsOneByOne) {
    EXPECT_THAT(words("smollm", "a 123 b"), ElementsAre("a", " ", "1", "2", "3", " b"));
    EXPECT_THAT(words("smollm", "x  5"), ElementsAre("x", "  ", "5"));
    EXPECT_THAT(words("smollm", "\xc2\xbd\xe2\x85\xa7"), ElementsAre("\xc2\xbd", "\xe2\x85\xa7"));
}

TEST(PreTokenizer, Llama3AndQwen2) {
    EXPECT_THAT(words("llama-bpe", "I'VE 12345 apples!!\n\n ok"),
                ElementsAre("I", "'VE", " ", "123", "45", " apples", "!!\n\n", " ok"));
    EXPECT_THAT(words("qwen2", "it's 123"), ElementsAre("it", "'s", " ", "1", "2", "3"));
    EXPECT_THAT(words("llama3", "a   \n  b(c"), ElementsAre("a", "   \n", " ", " b", "(c"));
}

TEST(PreTokenizer, SpaceIsUnicodesSpace) {
    EXPECT_THAT(words("gpt-2",
                      "a\xc2\x85"
                      "b"),
                ElementsAre("a", "\xc2\x85", "b"));                                        // U+0085 is
    EXPECT_THAT(words("gpt-2", "!\xe1\xa0\x8e!"), ElementsAre("!\xe1\xa0\x8e!"));          // U+180E is not
    EXPECT_THAT(words("gpt-2", "!\xe3\x80\x80!"), ElementsAre("!", "\xe3\x80\x80", "!"));  // U+3000 is
    EXPECT_THAT(words("gpt-2", "!\xe2\x80\x8b!"), ElementsAre("!\xe2\x80\x8b!"));          // U+200B is not
}

TEST(PreTokenizer, WordsJoinToTheText) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937 random(seed);
        const Words parts = {"a",
                             "B",
                             " ",
                             "\n",
                             "\r",
                             "\t",
                             "1",
                             "'",
                             "s",
                             "'re",
                             "!",
                             "\xc3\xa9",
                             "\xe2\x80\xa8",
                             "\xff",
                             "\xf0\x9f\x98\x80",
                             "\xc2"};
        for (const char* rule : {"smollm", "gpt-2", "llama-bpe", "qwen2"}) {
            for (int round = 0; round < 300; ++round) {
                std::string text, joined;
                for (size_t i = random() % 40; i > 0; --i) text += parts[random() % parts.size()];
                for (const std::string& w : words(rule, text)) {
                    EXPECT_FALSE(w.empty());
                    joined += w;
                }
                ASSERT_EQ(joined, text) << rule;
            }
        }
    }
}

}  // namespace
}  // namespace pitwall::engine
