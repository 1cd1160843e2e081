// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafters against what they say they do, done slowly.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/spec/ngram_drafter.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using Tokens = std::vector<TokenId>;

/// The longest run at the end that stands earlier as well, its last place, and what follows there.
Tokens slow_ngram(const Tokens& tokens, uint32_t most) {
    for (size_t length = NgramDrafter::kLongest; length >= NgramDrafter::kShortest; --length) {
        if (tokens.size() <= length) continue;
        for (size_t end = tokens.size() - 1; end >= length; --end) {
            if (!std::equal(tokens.end() - static_cast<ptrdiff_t>(length), tokens.end(),
                            tokens.begin() + static_cast<ptrdiff_t>(end - length)))
                continue;
            Tokens text = tokens, draft;
            for (uint32_t i = 0; i < most; ++i) {
                draft.push_back(text[end + i]);
                text.push_back(draft.back());
            }
            return draft;
        }
    }
    return {};
}

TEST(NgramDrafter, DraftsWhatTheSlowSearchFinds) {
    size_t found = 0, not_found = 0;
    for (const uint32_t seed : StormSeeds(30)) {
        std::mt19937 random(seed);
        NgramDrafter drafter;
        const uint32_t vocab = 2 + random() % 40;
        const auto more = [&](Tokens& to) { to.push_back(static_cast<TokenId>(random() % vocab)); };
        std::vector<Tokens> sequences(3);
        for (uint32_t turn = 0; turn < storm_size(200); ++turn) {
            const uint32_t which = random() % 3;
            Tokens& tokens = sequences[which];
            for (uint32_t i = random() % 12; i > 0; --i) more(tokens);
            const uint32_t most = 1 + random() % 8;
            Tokens draft{-7};
            drafter.draft(RequestId{which + 1}, tokens, most, draft);
            ASSERT_EQ(draft.front(), -7) << "what was there before is not its own";
            draft.erase(draft.begin());
            ASSERT_EQ(draft, slow_ngram(tokens, most));
            ++(draft.empty() ? not_found : found);
            if (random() % 60 == 0) {
                drafter.end(RequestId{which + 1}, tokens);
                tokens.clear();
            }
        }
    }
    EXPECT_GT(found, 100u);
    EXPECT_GT(not_found, 100u);
}

TEST(NgramDrafter, GoesOnWithItselfWhereTheMatchEnds) {
    NgramDrafter drafter;
    Tokens draft;
    drafter.draft(RequestId{1}, Tokens{9, 1, 2, 3, 1, 2, 3, 1, 2}, 8, draft);
    EXPECT_EQ(draft, (Tokens{3, 1, 2, 3, 1, 2, 3, 1}));
}

}  // namespace
}  // namespace pitwall::engine
