// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <random>

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

struct Outcome {
    std::string text;
    bool stopped;
    bool operator==(const Outcome&) const = default;
};

/// The rule as it is written: repair the whole text, then take its prefixes one by one until one ends in a stop.
Outcome slow(const std::string& bytes, const std::vector<std::string>& stops) {
    const std::string text = repaired_utf8(bytes);
    for (size_t end = 1; end <= text.size(); ++end) {
        size_t longest = 0;
        for (const std::string& stop : stops) {
            if (!stop.empty() && std::string_view(text).substr(0, end).ends_with(stop))
                longest = std::max(longest, stop.size());
        }
        if (longest > 0) return {text.substr(0, end - longest), true};
    }
    return {text, false};
}

TEST(StreamDecoder, HoldsBackUnfinishedCharacters) {
    StreamDecoder d({});
    EXPECT_EQ(d.push("a\xf0\x9f").text, "a");
    EXPECT_EQ(d.push("\x98").text, "");
    EXPECT_EQ(d.push("\x80z").text, "\xf0\x9f\x98\x80z");
    EXPECT_EQ(d.push("\xe2\x82").text, "");
    EXPECT_EQ(d.finish(), "\xef\xbf\xbd");
}

TEST(StreamDecoder, BrokenBytesBecomeReplacementCharacters) {
    StreamDecoder d({});
    EXPECT_EQ(d.push("a\xff"
                     "b")
                  .text,
              "a\xef\xbf\xbd"
              "b");
    EXPECT_EQ(d.push("\xe2\x82"
                     "c")
                  .text,
              "\xef\xbf\xbd"
              "c");
    EXPECT_EQ(d.push("\xed\xa0\x80").text, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
    EXPECT_EQ(d.finish(), "");
}

TEST(StreamDecoder, StopsAcrossTokens) {
    StreamDecoder d({"STOP"});
    EXPECT_EQ(d.push("go S").text, "go ");
    EXPECT_EQ(d.push("TO").text, "");
    const StreamDecoder::Piece piece = d.push("P and more");
    EXPECT_EQ(piece.text, "");
    EXPECT_TRUE(piece.stopped);
    EXPECT_TRUE(d.push("x").stopped);
    EXPECT_EQ(d.finish(), "");
}

TEST(StreamDecoder, GivesBackWhatOnlyLookedLikeAStop) {
    StreamDecoder d({"aab"});
    EXPECT_EQ(d.push("aa").text, "");
    EXPECT_EQ(d.push("a").text, "a");
    EXPECT_EQ(d.push("x").text, "aax");
    EXPECT_EQ(d.push("aa").text, "");
    EXPECT_EQ(d.finish(), "aa");
    EXPECT_FALSE(d.stopped());
}

TEST(StreamDecoder, OfSeveralStopsTheFirstToBeCompleteEndsTheText) {
    const auto text = [](std::vector<std::string> stops, std::string_view bytes) {
        StreamDecoder d(std::move(stops));
        return d.push(bytes).text;
    };
    EXPECT_EQ(text({"later", "now"}, "x now later"), "x ");
    EXPECT_EQ(text({"bc", "abcd"}, "xabcd"), "xa");
    EXPECT_EQ(text({"c", "abc"}, "xabcd"), "x");
    EXPECT_EQ(text({"", "b"}, "ab"), "a");
    EXPECT_EQ(text({"\xe2\x98\x83"},
                   "a\xe2\x98\x83"
                   "b"),
              "a");
}

TEST(StreamDecoder, EqualsTheRuleHoweverTheTextIsCut) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937 random(seed);
        const std::vector<std::string> units = {
            "a",    "b",        "aa",       "ab",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
            "\xff", "\xe2\x82", "\xf0\x9f", "\x80"};
        const auto any = [&](size_t longest) {
            std::string out;
            for (size_t i = random() % (longest + 1); i > 0; --i) out += units[random() % units.size()];
            return out;
        };
        for (int round = 0; round < 20'000; ++round) {
            const std::string bytes = any(12);
            std::vector<std::string> stops;
            for (size_t i = random() % 4; i > 0; --i) stops.push_back(repaired_utf8(any(3)));
            StreamDecoder decoder(stops);
            Outcome got{"", false};
            for (size_t at = 0; at < bytes.size();) {
                const size_t size = 1 + random() % 4;
                const StreamDecoder::Piece piece = decoder.push(std::string_view(bytes).substr(at, size));
                EXPECT_EQ(valid_utf8_prefix(piece.text), piece.text.size());
                got.text += piece.text;
                got.stopped = piece.stopped;
                at += size;
                if (piece.stopped) break;
            }
            got.text += decoder.finish();
            got.stopped = decoder.stopped();
            const Outcome expected = slow(bytes, stops);
            ASSERT_EQ(got, expected) << "got '" << got.text << "', expected '" << expected.text << "'";
        }
    }
}

TEST(Utf8, EveryCodePointAndNothingElse) {
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 7) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        std::string text;
        append_utf8(text, c);
        const Utf8Step step = utf8_step(text);
        ASSERT_EQ(step.state, Utf8Step::State::kWhole);
        ASSERT_EQ(step.code_point, c);
        ASSERT_EQ(step.length, text.size());
    }
    for (const char* bad :
         {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80"}) {
        EXPECT_EQ(utf8_step(bad).state, Utf8Step::State::kBroken) << bad;
    }
}

}  // namespace
}  // namespace pitwall::engine
