// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <unordered_map>

#include "engine/spec/drafter.h"

namespace pitwall::engine {

/// What followed a few tokens in all texts of a session: for each run the token that came after it most of the time, with
/// counts. Fixed memory: where a bucket is full, the run seen least makes room.
class FollowerTable {
  public:
    struct Follower {
        uint64_t run = 0;  ///< hash of the tokens before; 0: free
        TokenId token = -1;
        uint16_t agreed = 0,
                 seen = 0;  ///< how often it was this token, since it is the one; how often the run was seen
    };

    FollowerTable() : buckets_(kBuckets) {}
    void add(uint64_t run, TokenId next);
    /// Null: never seen, or forgotten.
    const Follower* find(uint64_t run) const;

    static constexpr size_t kBuckets = size_t{1} << 16;

  private:
    using Bucket = std::array<Follower, 4>;
    std::vector<Bucket> buckets_;
};

/// Drafts from everything that the session has read and said, after SuffixDecoding (Oliaro et al. 2024): from the longest
/// run that was seen before it follows the commonest continuation, token by token, while that is likely enough. Where
/// they keep a suffix tree, here are runs of four lengths in tables: 16 MiB whatever the session holds, and four
/// looks a token.
class SuffixDrafter final : public Drafter {
  public:
    static constexpr std::array<uint32_t, 4> kLengths = {8, 5, 3, 2};  ///< of runs, looked up in this order

    uint32_t draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                   std::vector<TokenId>& out) override;
    void end(RequestId request, std::span<const TokenId> tokens) override;

  private:
    /// Chances are counted in these.
    static constexpr uint32_t kOne = 1 << 16;
    struct Guess {
        TokenId token = -1;
        uint32_t chance = 0;
    };
    bool learn(RequestId request, std::span<const TokenId> tokens);
    Guess guess(std::span<const TokenId> tokens) const;

    std::array<FollowerTable, kLengths.size()> tables_;
    std::unordered_map<uint32_t, uint32_t> learnt_;  ///< by request: tokens that are in the tables
    std::vector<TokenId> text_;                      ///< the end of a sequence, and its draft so far
};

}  // namespace pitwall::engine
