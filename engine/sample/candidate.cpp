// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/candidate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace pitwall::engine {
namespace {

constexpr size_t kFewestByDigits = 256;
constexpr uint32_t kDigitBits = 11, kDigits = 3;  // 33 bits, for 31

using Counts = std::array<uint32_t, size_t{1} << kDigitBits>;

/// Of how far the score is from 0: as bits, that of a larger one is larger.
uint32_t digit(const Candidate& candidate, uint32_t number) {
    const uint32_t distance = std::bit_cast<uint32_t>(candidate.score) & 0x7fffffff;
    return distance >> (number * kDigitBits) & ((1u << kDigitBits) - 1);
}

/// Stable, so that equal scores stay in order of id.
void sort_by_digit(const std::vector<Candidate>& from, uint32_t number, Counts& counts,
                   std::vector<Candidate>& to) {
    uint32_t before = 0;
    for (uint32_t& count : counts) count = std::exchange(before, before + count);
    for (const Candidate& candidate : from) to[counts[digit(candidate, number)]++] = candidate;
}

}  // namespace

void sort_best_first(std::vector<Candidate>& candidates, std::vector<Candidate>& scratch) {
    if (candidates.size() < kFewestByDigits) return std::sort(candidates.begin(), candidates.end(), better);
    std::array<Counts, kDigits> counts{};
    for (const Candidate& candidate : candidates)
        for (uint32_t number = 0; number < kDigits; ++number) ++counts[number][digit(candidate, number)];
    scratch.resize(candidates.size());
    for (uint32_t number = 0; number < kDigits; ++number) {
        sort_by_digit(candidates, number, counts[number], scratch);
        candidates.swap(scratch);
    }
}

}  // namespace pitwall::engine
