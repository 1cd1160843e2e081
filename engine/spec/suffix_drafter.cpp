// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/suffix_drafter.h"

#include <algorithm>

#include "engine/spec/gram_table.h"

namespace pitwall::engine {

namespace {

/// A draft ends where all of it is less likely than this, of kOne.
constexpr uint32_t kLeastChance = (1 << 16) * 3 / 10;
/// What a run is worth beyond what was counted, in sixteenths of one agreement: long ones are seldom wrong, even seen once.
constexpr std::array<uint32_t, SuffixDrafter::kLengths.size()> kFaith = {15, 12, 8, 4};

}  // namespace

void FollowerTable::add(uint64_t run, TokenId next) {
    Bucket& bucket = buckets_[(run >> 1) % kBuckets];
    auto at = std::find_if(bucket.begin(), bucket.end(), [&](const Follower& f) { return f.run == run; });
    if (at == bucket.end()) {
        at = std::min_element(bucket.begin(), bucket.end(),
                              [](const Follower& a, const Follower& b) { return a.seen < b.seen; });
        *at = {run, next, 1, 1};
        return;
    }
    ++at->seen;
    at->agreed += at->token == next;
    // The one that is in the minority makes room: what is said lately counts.
    if (at->token != next && 2 * at->agreed < at->seen) *at = {run, next, 1, 2};
    if (at->seen == UINT16_MAX) at->seen /= 2, at->agreed /= 2;
}

const FollowerTable::Follower* FollowerTable::find(uint64_t run) const {
    const Bucket& bucket = buckets_[(run >> 1) % kBuckets];
    const auto at =
        std::find_if(bucket.begin(), bucket.end(), [&](const Follower& f) { return f.run == run; });
    return at == bucket.end() ? nullptr : &*at;
}

/// A long text is taken in over several steps: nobody waits for it.
bool SuffixDrafter::learn(RequestId request, std::span<const TokenId> tokens) {
    uint32_t& learnt = learnt_[raw(request)];
    const size_t end = std::min(tokens.size(), size_t{learnt} + kIndexedAtOnce);
    for (; learnt < end; ++learnt)
        for (size_t i = 0; i < kLengths.size(); ++i)
            if (learnt >= kLengths[i])
                tables_[i].add(run_hash(tokens.subspan(learnt - kLengths[i], kLengths[i])), tokens[learnt]);
    return learnt == tokens.size();
}

SuffixDrafter::Guess SuffixDrafter::guess(std::span<const TokenId> tokens) const {
    for (size_t i = 0; i < kLengths.size(); ++i) {
        if (tokens.size() < kLengths[i]) continue;
        const FollowerTable::Follower* f = tables_[i].find(run_hash(tokens.last(kLengths[i])));
        if (f) return {f->token, kOne / 16 * (16u * f->agreed + kFaith[i]) / (f->seen + 1u)};
    }
    return {};
}

uint32_t SuffixDrafter::draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                              std::vector<TokenId>& out) {
    if (!learn(request, tokens)) return 0;
    const auto end = tokens.last(std::min<size_t>(tokens.size(), kLengths.front()));
    text_.assign(end.begin(), end.end());
    uint32_t chance = kOne, first = 0;
    for (uint32_t i = 0; i < most; ++i) {
        const Guess next = guess(text_);
        chance = static_cast<uint32_t>(uint64_t{chance} * next.chance / kOne);
        if (chance < kLeastChance) break;
        if (i == 0) first = chance;
        text_.push_back(next.token);
        out.push_back(next.token);
    }
    return std::min<uint32_t>(kStrengths - 1, first * kStrengths / kOne);
}

void SuffixDrafter::end(RequestId request, std::span<const TokenId> tokens) {
    learn(request, tokens);
    learnt_.erase(raw(request));
}

}  // namespace pitwall::engine
