// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "telemetry/base/ids.h"

namespace pitwall::engine {

struct Candidate {
    float score;  ///< logit after penalty and temperature, less the best one's: at most 0
    TokenId id;
};

/// Strict total order: what the library's selection leaves unspecified must not show.
inline bool better(const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
}

/// As std::sort() by better(), of candidates in order of id whose scores are numbers; `scratch` is overwritten. Thousands of them, which a
/// flat distribution has, are sorted by the digits of their scores, some ten times as fast.
void sort_best_first(std::vector<Candidate>& candidates, std::vector<Candidate>& scratch);

}  // namespace pitwall::engine
