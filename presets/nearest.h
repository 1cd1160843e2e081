// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pitwall::presets {

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours (Damerau 1964, in the
/// restricted form of optimal string alignment), without regard to case.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the fewest edits, the first among equals; "" when there are none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Whether somebody who wrote `word` may have meant `candidate`: a third of the longer one is wrong at most, or one is the other
/// with letters left out, no more than half of them.
bool is_like(std::string_view word, std::string_view candidate);

/// The text as the user gave it, short enough and printable enough for a sentence.
std::string shown(std::string_view text);

}  // namespace pitwall::presets
