// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/candidate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pitwall::engine {
namespace {

/// Few and many, with scores of every size, and many that are equal, 0 of either sign among them.
TEST(Candidates, AreSortedAsByComparing) {
    std::mt19937 random(3);
    std::vector<Candidate> scratch;
    for (const size_t count : {0u, 1u, 2u, 255u, 256u, 257u, 5000u, 40000u}) {
        for (const bool coarse : {false, true}) {
            std::vector<Candidate> candidates;
            for (size_t i = 0; i < count; ++i) {
                const float fine = -std::exponential_distribution<float>(0.2f)(random);
                const float score = coarse ? -static_cast<float>(random() % 7) : std::max(fine, -40.0f);
                candidates.push_back({score, static_cast<TokenId>(3 * i)});
            }
            auto expected = candidates;
            std::ranges::sort(expected, better);
            sort_best_first(candidates, scratch);
            ASSERT_EQ(candidates.size(), count);
            for (size_t i = 0; i < count; ++i) {
                EXPECT_EQ(candidates[i].id, expected[i].id) << i << " of " << count;
                EXPECT_EQ(candidates[i].score, expected[i].score) << i << " of " << count;
            }
        }
    }
}

}  // namespace
}  // namespace pitwall::engine
