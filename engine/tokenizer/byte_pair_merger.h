// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Byte-pair encoding (Sennrich et al. 2016) on token ids: of all adjacent pairs the one with the lowest rank is
/// joined, the leftmost first among equals, until no pair has a rule. Immutable once built; any thread.
class BytePairMerger {
  public:
    /// Room for `rules` rules.
    explicit BytePairMerger(size_t rules);

    /// The next rule in rank order; false where the pair has one already.
    bool add(TokenId left, TokenId right, TokenId joined);

    /// Joins within `symbols` in place. Negative ids join with nothing. O(n log n) for any rules and any text.
    void merge(std::vector<TokenId>& symbols) const;

  private:
    struct Rule {
        uint64_t pair = kEmpty;
        uint32_t rank = 0;
        TokenId joined = -1;
    };
    static constexpr uint64_t kEmpty = ~uint64_t{0};
    static uint64_t pair_of(TokenId left, TokenId right) {
        return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    }
    const Rule* find(TokenId left, TokenId right) const;
    size_t slot_of(uint64_t pair) const;
    void merge_short(std::vector<TokenId>& symbols) const;
    void merge_long(std::vector<TokenId>& symbols) const;

    std::vector<Rule> table_;  ///< open addressing; at most half full
    uint32_t rules_ = 0;
};

}  // namespace pitwall::engine
