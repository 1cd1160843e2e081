// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/special_tokens.h"

#include <algorithm>

namespace pitwall::engine {

SpecialTokens::SpecialTokens(std::vector<std::pair<std::string, TokenId>> tokens)
    : sorted_(std::move(tokens)) {
    std::sort(sorted_.begin(), sorted_.end());
    for (const auto& [text, id] : sorted_) begins_[static_cast<unsigned char>(text[0])] = true;
}

SpecialTokens::Match SpecialTokens::next(std::string_view text, size_t from) const {
    for (size_t i = from; i < text.size(); ++i) {
        if (!begins_[static_cast<unsigned char>(text[i])]) continue;
        if (const Match found = at(text, i); found.id >= 0) return found;
    }
    return {text.size(), 0, -1};
}

/// Narrows the range of tokens that share a prefix with the text, byte by byte.
SpecialTokens::Match SpecialTokens::at(std::string_view text, size_t begin) const {
    Match best{begin, 0, -1};
    auto low = sorted_.begin(), high = sorted_.end();
    for (size_t length = 0; low != high; ++length) {
        if (low->first.size() == length) {  // shorter sorts first, so only the first can end here
            if (length > 0) best = {begin, length, low->second};
            ++low;
        }
        if (begin + length == text.size()) break;
        const auto byte = static_cast<unsigned char>(text[begin + length]);
        const auto byte_of = [length](const auto& token) {
            return static_cast<unsigned char>(token.first[length]);
        };
        low = std::partition_point(low, high, [&](const auto& t) { return byte_of(t) < byte; });
        high = std::partition_point(low, high, [&](const auto& t) { return byte_of(t) == byte; });
    }
    return best;
}

}  // namespace pitwall::engine
