// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafters against what they say they do, done slowly.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/spec/ngram_drafter.h"
#include "engine/spec/suffix_drafter.h"
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
    EXPECT_GT(not_found, 30u);
}

TEST(NgramDrafter, GoesOnWithItselfWhereTheMatchEnds) {
    NgramDrafter drafter;
    Tokens draft;
    drafter.draft(RequestId{1}, Tokens{9, 1, 2, 3, 1, 2, 3, 1, 2}, 8, draft);
    EXPECT_EQ(draft, (Tokens{3, 1, 2, 3, 1, 2, 3, 1}));
}

/// Runs by their tokens, in a map that forgets nothing.
class SlowSuffix {
  public:
    void learn(const Tokens& tokens, size_t from) {
        for (size_t at = from; at < tokens.size(); ++at)
            for (const uint32_t length : SuffixDrafter::kLengths)
                if (at >= length) add(run(tokens, at, length), tokens[at]);
    }
    Tokens draft(Tokens text, uint32_t most) const {
        const Tokens faith{15, 12, 8, 4};
        uint64_t chance = 65536;
        Tokens draft;
        while (draft.size() < most) {
            const Seen* found = nullptr;
            TokenId extra = 0;
            for (size_t i = 0; i < faith.size() && !found; ++i) {
                const uint32_t length = SuffixDrafter::kLengths[i];
                if (text.size() < length) continue;
                const auto at = runs_.find(run(text, text.size(), length));
                if (at != runs_.end()) found = &at->second, extra = faith[i];
            }
            if (!found) break;
            chance = chance * (4096 * static_cast<uint64_t>(16 * found->agreed + extra) / (found->seen + 1)) /
                     65536;
            if (chance < 65536 * 3 / 10) break;
            text.push_back(found->token);
            draft.push_back(found->token);
        }
        return draft;
    }

  private:
    struct Seen {
        TokenId token;
        uint32_t agreed, seen;
    };
    static Tokens run(const Tokens& tokens, size_t end, uint32_t length) {
        return {tokens.begin() + static_cast<ptrdiff_t>(end - length),
                tokens.begin() + static_cast<ptrdiff_t>(end)};
    }
    void add(const Tokens& run, TokenId next) {
        const auto [at, fresh] = runs_.try_emplace(run, Seen{next, 1, 1});
        if (fresh) return;
        Seen& seen = at->second;
        ++seen.seen;
        seen.agreed += seen.token == next;
        if (seen.token != next && 2 * seen.agreed < seen.seen) seen = {next, 1, 2};
    }
    std::map<Tokens, Seen> runs_;
};

TEST(SuffixDrafter, DraftsWhatTheSlowCountsSay) {
    size_t found = 0, not_found = 0;
    for (const uint32_t seed : StormSeeds(8)) {
        std::mt19937 random(seed);
        SuffixDrafter drafter;
        SlowSuffix slow;
        const uint32_t vocab = 2 + random() % 40;
        std::vector<Tokens> sequences(3);
        std::vector<size_t> learnt(3);
        for (uint32_t turn = 0; turn < storm_size(200); ++turn) {
            const uint32_t which = random() % 3;
            Tokens& tokens = sequences[which];
            for (uint32_t i = random() % 12; i > 0; --i)
                tokens.push_back(random() % 3 && !tokens.empty()
                                     ? (tokens.back() * 3 + 1) % static_cast<TokenId>(vocab)
                                     : static_cast<TokenId>(random() % vocab));
            slow.learn(tokens, learnt[which]);
            learnt[which] = tokens.size();
            const uint32_t most = 1 + random() % 8;
            Tokens draft;
            EXPECT_LT(drafter.draft(RequestId{which + 1}, tokens, most, draft), Drafter::kStrengths);
            ASSERT_EQ(draft, slow.draft(tokens, most));
            ++(draft.empty() ? not_found : found);
            if (random() % 60 == 0) {
                drafter.end(RequestId{which + 1}, tokens);
                tokens.clear();
                learnt[which] = 0;
            }
        }
    }
    EXPECT_GT(found, 100u);
    EXPECT_GT(not_found, 30u);
}

TEST(SuffixDrafter, KnowsWhatOtherRequestsSaid) {
    SuffixDrafter drafter;
    Tokens draft;
    const Tokens said{5, 6, 7, 8, 9, 10, 11, 12};
    drafter.end(RequestId{1}, said);
    drafter.draft(RequestId{2}, Tokens{1, 5, 6, 7}, 4, draft);
    EXPECT_EQ(draft, (Tokens{8, 9, 10, 11}));
}

TEST(FollowerTable, ForgetsTheRarestWhereABucketIsFull) {
    FollowerTable table;
    const auto run = [](uint64_t i) {
        return (i * FollowerTable::kBuckets << 1 | 6) + 1;
    };  // all in one bucket
    for (uint64_t i = 1; i <= 4; ++i)
        for (uint64_t times = 0; times < 6 - i; ++times) table.add(run(i), static_cast<TokenId>(i));
    table.add(run(9), 90);
    EXPECT_EQ(table.find(run(4)), nullptr) << "seen twice, the others more often";
    ASSERT_NE(table.find(run(9)), nullptr);
    EXPECT_EQ(table.find(run(9))->token, 90);
    EXPECT_EQ(table.find(run(1))->agreed, 5);
    for (int i = 0; i < 200'000; ++i) table.add(run(1), 1);
    EXPECT_EQ(table.find(run(1))->token, 1) << "counts that are full are halved";
    EXPECT_GE(table.find(run(1))->agreed * 2, table.find(run(1))->seen);
}

}  // namespace
}  // namespace pitwall::engine
