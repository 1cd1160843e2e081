// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "engine/spec/drafter.h"

namespace pitwall::engine::test {

/// Prompt and answer of each request as they are without speculation, by its number.
using Truth = std::map<uint32_t, std::vector<TokenId>>;

/// Knows the answers, and tells them as often as it is told to.
class DrafterDouble final : public Drafter {
  public:
    struct Manners {
        uint32_t right_percent = 100;  ///< of tokens; the others are any tokens
        bool too_many = false;         ///< more than it was asked for
        bool nonsense = false;         ///< tokens that there are not
        bool sure = false;             ///< always as sure
        uint32_t silent_percent = 0;   ///< of the times it is asked it has nothing to say
    };
    DrafterDouble(const Truth& truth, uint32_t vocab, Manners manners)
        : truth_(truth), vocab_(vocab), manners_(manners) {}

    uint32_t draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                   std::vector<TokenId>& out) override {
        const std::vector<TokenId>& whole = truth_.at(raw(request));
        EXPECT_LE(tokens.size(), whole.size());
        EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), whole.begin()))
            << "request " << raw(request) << " went another way";
        if (random_() % 100 < manners_.silent_percent) return 0;
        for (size_t at = tokens.size(); at < tokens.size() + most + (manners_.too_many ? 7 : 0); ++at) {
            if (manners_.right_percent == 100 && at == whole.size()) break;
            const bool right = random_() % 100 < manners_.right_percent && at < whole.size();
            const bool odd = manners_.nonsense && random_() % 4 == 0;
            out.push_back(odd     ? (random_() % 2 ? -1 : static_cast<TokenId>(vocab_))
                          : right ? whole[at]
                                  : static_cast<TokenId>(random_() % vocab_));
        }
        return manners_.sure ? 3 : static_cast<uint32_t>(random_() % kStrengths);
    }
    void end(RequestId request, std::span<const TokenId> tokens) override {
        const std::vector<TokenId>& whole = truth_.at(raw(request));
        EXPECT_TRUE(
            std::equal(tokens.begin(), tokens.end(), whole.begin(),
                       whole.begin() + static_cast<std::ptrdiff_t>(std::min(tokens.size(), whole.size()))));
    }

  private:
    const Truth& truth_;
    uint32_t vocab_;
    Manners manners_;
    std::mt19937 random_{7};
};

inline DrafterFactory double_of(const Truth& truth, uint32_t vocab, DrafterDouble::Manners manners) {
    return [&truth, vocab, manners](DraftMethod method) -> std::unique_ptr<Drafter> {
        if (method == DraftMethod::kNone) return nullptr;
        return std::make_unique<DrafterDouble>(truth, vocab, manners);
    };
}

}  // namespace pitwall::engine::test
