// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/nearest.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace pitwall::presets {

namespace {

/// Longer words are cut: a name that is wrong by more than this is not a misspelling.
constexpr size_t kLongestWord = 64;

/// All letters of `few` are in `many`, in that order.
bool is_within(std::string_view few, std::string_view many) {
    size_t found = 0;
    for (const char c : many) found += found < few.size() && few[found] == c;
    return found == few.size();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
    a = a.substr(0, kLongestWord), b = b.substr(0, kLongestWord);
    std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t replace = last[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            now[j] = std::min({replace, last[j] + 1, now[j - 1] + 1});
            const bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(now);
    }
    return last[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    size_t fewest = std::numeric_limits<size_t>::max();
    for (const std::string_view candidate : candidates) {
        const size_t edits = edit_distance(word, candidate);
        if (edits < fewest) fewest = edits, best = candidate;
    }
    return best;
}

bool is_like(std::string_view word, std::string_view candidate) {
    const auto [few, many] =
        word.size() < candidate.size() ? std::pair(word, candidate) : std::pair(candidate, word);
    if (many.size() > kLongestWord) return false;  // the distance is that of what was left of it
    if (3 * edit_distance(word, candidate) <= many.size() + 1) return true;
    return 2 * few.size() >= many.size() && is_within(few, many);
}

std::string shown(std::string_view text) {
    std::string out(text.substr(0, 40));
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    return text.size() > 40 ? out + "..." : out;
}

}  // namespace pitwall::presets
