// SPDX-License-Identifier: GPL-3.0-or-later
//
// A row of logits as the sampler sees it: the seen ones penalised, the banned ones left out.
#pragma once

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/kernels/sample.h"
#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

/// A set of the vocabulary's tokens in shared memory, a bit each; null: none.
struct TokenSet {
    uint32_t* words;

    PITWALL_DEVICE bool has(uint32_t id) const {
        return words != nullptr && (words[id / 32] >> id % 32 & 1) != 0;
    }
};
constexpr uint32_t token_set_words(uint32_t columns) { return (columns + 31) / 32; }

/// Tokens ids[first, first + count) as a set in `words`, by all threads of the block.
PITWALL_DEVICE TokenSet gather_tokens(const SampleArgs& args, uint32_t first, uint32_t count,
                                      uint32_t* words) {
    if (count == 0) return {nullptr};
    for (uint32_t i = thread(); i < token_set_words(args.columns); i += threads()) words[i] = 0;
    sync_block();
    for (uint32_t i = thread(); i < count; i += threads()) {
        const int32_t listed = args.ids[first + i];
        const auto id = static_cast<uint32_t>(listed < 0 ? args.before[-1 - listed] : listed);
        if (id < args.columns) or_atomically(words + id / 32, 1u << id % 32);
    }
    sync_block();
    return {words};
}

struct Scores {
    const float* logits;
    uint32_t columns;
    TokenSet seen, banned;
    float penalty;

    PITWALL_DEVICE float penalized(uint32_t id, float logit) const {
        if (!seen.has(id)) return logit;
        return logit > 0 ? logit / penalty : logit * penalty;
    }
    /// take(id, score) for each token that is not banned; those of one thread in ascending order, several of them read at once.
    template <uint32_t kAtOnce, class Take>
    PITWALL_DEVICE void each(const Take& take) const {
        for (uint32_t first = thread(); first < columns; first += kAtOnce * threads()) {
            float x[kAtOnce];
#pragma unroll
            for (uint32_t j = 0; j < kAtOnce; ++j) {
                const uint32_t id = first + j * threads();
                x[j] = id < columns ? logits[id] : 0.0f;
            }
#pragma unroll
            for (uint32_t j = 0; j < kAtOnce; ++j) {
                const uint32_t id = first + j * threads();
                if (id < columns && !banned.has(id)) take(id, penalized(id, x[j]));
            }
        }
    }
};

inline constexpr uint32_t kNoToken = UINT32_MAX;

/// The largest score, of equal ones the lowest token; and the least that is more than minus infinity. NaN counts as minus infinity;
/// where nothing is more than that, the lowest token that is not banned is best.
struct Best {
    float score, least;
    uint32_t id;
};

PITWALL_DEVICE Best better(Best a, Best b) {
    const bool second = b.score > a.score || (b.score == a.score && b.id < a.id);
    return {second ? b.score : a.score, fminf(a.least, b.least), second ? b.id : a.id};
}

/// `of_warps`: [kMostWarps] in shared memory. To all threads.
PITWALL_DEVICE Best find_best(const Scores& scores, Best* of_warps) {
    Best best{-INFINITY, INFINITY, kNoToken};
    constexpr uint32_t kAtOnce =
        8;  // this reading alone comes from memory, and does little with what it reads
    scores.each<kAtOnce>([&](uint32_t id, float score) {
        const float value = score != score ? -INFINITY : score;
        const bool first = best.id == kNoToken;  // any that may be picked is better than none
        if (first || value > best.score) best.score = value, best.id = id;
        if (value > -INFINITY) best.least = fminf(best.least, value);
    });
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2)
        best = better(
            best, {shuffle_xor(best.score, mask), shuffle_xor(best.least, mask), shuffle_xor(best.id, mask)});
    if (lane() == 0) of_warps[warp()] = best;
    sync_block();
    for (uint32_t i = 0; i < threads() / kWarp; ++i) best = better(best, of_warps[i]);
    return best;
}

}  // namespace pitwall::cuda
