// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/ngram_drafter.h"

namespace pitwall::engine {

namespace {

/// What stands from `from` on. A match so near the end that it is used up goes on with the draft itself: a text that
/// repeats itself goes on repeating.
void copy_on(std::span<const TokenId> tokens, uint32_t from, uint32_t count, std::vector<TokenId>& out) {
    const size_t first = out.size();
    for (size_t at = from; at < size_t{from} + count; ++at)
        out.push_back(at < tokens.size() ? tokens[at] : out[first + at - tokens.size()]);
}

}  // namespace

NgramDrafter::Index::Index() {
    for (uint32_t length = kLongest; length >= kShortest; --length) tables.emplace_back(length);
}

void NgramDrafter::Index::catch_up(std::span<const TokenId> tokens) {
    for (; indexed < tokens.size(); ++indexed)
        for (GramTable& table : tables)
            if (indexed >= table.length()) table.add(tokens, indexed);
}

void NgramDrafter::draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                         std::vector<TokenId>& out) {
    Index& index = sequences_[raw(request)];
    index.catch_up(tokens);
    for (const GramTable& table : index.tables)
        if (const uint32_t from = table.find(tokens); from != 0) return copy_on(tokens, from, most, out);
}

}  // namespace pitwall::engine
