// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/byte_pair_merger.h"

#include <array>
#include <bit>
#include <limits>
#include <queue>

namespace pitwall::engine {
namespace {

constexpr size_t kShort = 32;  ///< symbols up to which scanning beats a heap
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

uint64_t mixed(uint64_t x) {  // the finalizer of MurmurHash3
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

}  // namespace

BytePairMerger::BytePairMerger(size_t rules) : table_(std::bit_ceil(2 * rules + 2)) {}

size_t BytePairMerger::slot_of(uint64_t pair) const {
    const size_t mask = table_.size() - 1;
    size_t slot = mixed(pair) & mask;
    while (table_[slot].pair != kEmpty && table_[slot].pair != pair) slot = (slot + 1) & mask;
    return slot;
}

bool BytePairMerger::add(TokenId left, TokenId right, TokenId joined) {
    Rule& rule = table_[slot_of(pair_of(left, right))];
    if (rule.pair != kEmpty) return false;
    rule = {pair_of(left, right), rules_++, joined};
    return true;
}

const BytePairMerger::Rule* BytePairMerger::find(TokenId left, TokenId right) const {
    if (left < 0 || right < 0) return nullptr;
    const Rule& rule = table_[slot_of(pair_of(left, right))];
    return rule.pair == kEmpty ? nullptr : &rule;
}

void BytePairMerger::merge(std::vector<TokenId>& symbols) const {
    if (symbols.size() <= kShort) {
        merge_short(symbols);
    } else {
        merge_long(symbols);
    }
}

/// Keeps the rank of every adjacent pair beside the symbols; most words end here.
void BytePairMerger::merge_short(std::vector<TokenId>& symbols) const {
    std::array<uint32_t, kShort> ranks = {};
    std::array<TokenId, kShort> joined = {};
    const auto look_up = [&](size_t i) {
        const Rule* rule = find(symbols[i], symbols[i + 1]);
        ranks[i] = rule != nullptr ? rule->rank : kNoRank;
        joined[i] = rule != nullptr ? rule->joined : -1;
    };
    size_t count = symbols.size();
    for (size_t i = 0; i + 1 < count; ++i) look_up(i);
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; ++i) best = ranks[i] < ranks[best] ? i : best;
        if (ranks[best] == kNoRank) break;
        symbols[best] = joined[best];
        --count;
        for (size_t i = best + 1; i < count; ++i) {
            symbols[i] = symbols[i + 1];
            if (i + 1 == count) break;
            ranks[i] = ranks[i + 1];
            joined[i] = joined[i + 1];
        }
        if (best > 0) look_up(best - 1);
        if (best + 1 < count) look_up(best);
    }
    symbols.resize(count);
}

/// A linked list of symbols and a heap of candidates, each a rank and below it the place of its left symbol. Pairs have
/// different ranks, so a candidate still stands if the pair at its place has the rank that it had.
void BytePairMerger::merge_long(std::vector<TokenId>& symbols) const {
    constexpr TokenId kGone = -2;
    constexpr uint32_t kEnd = kNoRank;
    const auto count = static_cast<uint32_t>(symbols.size());
    std::vector<uint32_t> before(count), after(count);
    for (uint32_t i = 0; i < count; ++i) {
        before[i] = i == 0 ? kEnd : i - 1;
        after[i] = i + 1 == count ? kEnd : i + 1;
    }
    std::vector<uint64_t> first;
    const auto rule_at = [&](uint32_t left) {
        return left == kEnd || after[left] == kEnd ? nullptr : find(symbols[left], symbols[after[left]]);
    };
    const auto candidate = [](const Rule& rule, uint32_t left) { return uint64_t{rule.rank} << 32 | left; };
    for (uint32_t i = 0; i < count; ++i) {
        if (const Rule* rule = rule_at(i)) first.push_back(candidate(*rule, i));
    }
    std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> heap({}, std::move(first));
    while (!heap.empty()) {
        const auto left = static_cast<uint32_t>(heap.top());
        const auto rank = static_cast<uint32_t>(heap.top() >> 32);
        heap.pop();
        const Rule* rule = rule_at(left);
        if (rule == nullptr || rule->rank != rank) continue;
        const uint32_t right = after[left];
        symbols[left] = rule->joined;
        symbols[right] = kGone;
        after[left] = after[right];
        if (after[right] != kEnd) before[after[right]] = left;
        after[right] = kEnd;
        for (const uint32_t at : {before[left], left}) {
            if (const Rule* next = rule_at(at)) heap.push(candidate(*next, at));
        }
    }
    std::erase(symbols, kGone);
}

}  // namespace pitwall::engine
