// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/ngram_drafter.h"

#include <algorithm>

namespace pitwall::engine {

namespace {

/// What stands from `from` on. A match so near the end that it is used up goes on with the draft itself: a text that
/// repeats itself goes on repeating.
void copy_on(std::span<const TokenId> tokens, uint32_t from, uint32_t count, std::vector<TokenId>& out) {
    const size_t first = out.size();
    for (size_t at = from; at < size_t{from} + count; ++at)
        out.push_back(at < tokens.size() ? tokens[at] : out[first + at - tokens.size()]);
}

/// How many tokens before `from` are those at the end: at least as many as were looked up, and 32 at most.
uint32_t agreement(std::span<const TokenId> tokens, uint32_t from) {
    uint32_t length = 0;
    while (length < std::min(from, 32u) && tokens[from - 1 - length] == tokens[tokens.size() - 1 - length])
        ++length;
    return length;
}

}  // namespace

NgramDrafter::Index::Index() {
    for (uint32_t length = kLongest; length >= kShortest; --length) tables.emplace_back(length);
}

/// A long text is taken in over several steps: nobody waits for it.
bool NgramDrafter::Index::catch_up(std::span<const TokenId> tokens) {
    const size_t end = std::min(tokens.size(), size_t{indexed} + Drafter::kIndexedAtOnce);
    for (; indexed < end; ++indexed)
        for (GramTable& table : tables)
            if (indexed >= table.length()) table.add(tokens, indexed);
    return indexed == tokens.size();
}

uint32_t NgramDrafter::draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                             std::vector<TokenId>& out) {
    Index& index = sequences_[raw(request)];
    if (!index.catch_up(tokens)) return 0;
    for (const GramTable& table : index.tables) {
        const uint32_t from = table.find(tokens);
        if (from == 0) continue;
        copy_on(tokens, from, most, out);
        const uint32_t length = agreement(tokens, from);
        return length < 6 ? length - kShortest : length < 10 ? 4 : length < 16 ? 5 : length < 32 ? 6 : 7;
    }
    return 0;
}

}  // namespace pitwall::engine
