// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/scored_blocks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>

#include "engine/sample/exponential.h"

namespace pitwall::engine {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr size_t kLanes = 8, kBlock = 64;
using Floats [[gnu::vector_size(32)]] = float;
using Bits [[gnu::vector_size(32)]] = uint32_t;
using Doubles [[gnu::vector_size(64)]] = double;

[[gnu::always_inline]] inline Floats load(const float* values) {
    Floats lanes;
    std::memcpy(&lanes, values, sizeof lanes);
    return lanes;
}

/// [kBlock] scores, and the best of them.
[[gnu::always_inline]] inline float score_one(const float* logits, float best, float temperature,
                                              float* scores) {
    Floats most = Floats{} + kMinusInfinity;
    for (size_t first = 0; first < kBlock; first += kLanes) {
        Floats x = load(logits + first);
        x = x > kMinusInfinity ? x : Floats{} + kMinusInfinity;
        x = x < kLargest ? x : Floats{} + kLargest;
        x = (x - best) / temperature;
        most = x > most ? x : most;
        std::memcpy(scores + first, &x, sizeof x);
    }
    float largest = most[0];
    for (size_t i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
    return largest;
}

[[gnu::always_inline]] inline double weigh_one(const float* scores, float farthest) {
    Doubles sums = {};
    for (size_t first = 0; first < kBlock; first += kLanes) {
        const Floats x = load(scores + first), near = x > -farthest ? x : Floats{} - farthest;
        const Floats weights = x >= -farthest ? exponential::of_negatives<Bits>(near) : Floats{};
        sums += __builtin_convertvector(weights, Doubles);
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// Passes over some blocks.
struct Passes {
    void (*score)(const float* logits, size_t blocks, float best, float temperature, float* scores,
                  float* block_best);
    void (*weigh)(const float* scores, const float* block_best, size_t blocks, float farthest,
                  double* weights);
};

// The same source for whatever instructions there are; products and sums are not fused (-ffp-contract=off), so bits are
// the same, too.
#define PITWALL_PASSES(name, ...)                                                                    \
    __VA_ARGS__ void score_##name(const float* logits, size_t blocks, float best, float temperature, \
                                  float* scores, float* block_best) {                                \
        for (size_t i = 0; i < blocks; ++i)                                                          \
            block_best[i] = score_one(logits + i * kBlock, best, temperature, scores + i * kBlock);  \
    }                                                                                                \
    __VA_ARGS__ void weigh_##name(const float* scores, const float* block_best, size_t blocks,       \
                                  float farthest, double* weights) {                                 \
        for (size_t i = 0; i < blocks; ++i)                                                          \
            weights[i] = block_best[i] >= -farthest ? weigh_one(scores + i * kBlock, farthest) : 0;  \
    }
PITWALL_PASSES(plain)
#if defined(__x86_64__)
PITWALL_PASSES(avx2, [[gnu::target("avx2")]])
PITWALL_PASSES(avx512, [[gnu::target("avx512f,avx512vl,avx512dq")]])
#endif

const Passes& passes() {
    static const Passes best = [] {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
            return Passes{score_avx512, weigh_avx512};
        if (__builtin_cpu_supports("avx2")) return Passes{score_avx2, weigh_avx2};
#endif
        return Passes{score_plain, weigh_plain};
    }();
    return best;
}

}  // namespace

std::span<const float> ScoredBlocks::block(size_t index) const {
    return std::span(scores_).subspan(index * kBlock, kBlock);
}

void ScoredBlocks::score(std::span<const float> logits, float best, float temperature) {
    const size_t whole = logits.size() / kBlock, blocks = (logits.size() + kBlock - 1) / kBlock;
    scores_.resize(blocks * kBlock);
    best_.resize(blocks);
    passes().score(logits.data(), whole, best, temperature, scores_.data(), best_.data());
    if (whole == blocks) return;
    std::array<float, kBlock> last;
    last.fill(kMinusInfinity);
    std::ranges::copy(logits.subspan(whole * kBlock), last.begin());
    passes().score(last.data(), 1, best, temperature, scores_.data() + whole * kBlock, best_.data() + whole);
}

double ScoredBlocks::weigh(float farthest) {
    farthest_ = farthest;
    weights_.resize(best_.size());
    passes().weigh(scores_.data(), best_.data(), best_.size(), farthest, weights_.data());
    return std::accumulate(weights_.begin(), weights_.end(), 0.0);
}

TokenId ScoredBlocks::passing(double sum) const {
    double before = 0;
    size_t at = 0, last = 0;
    for (; at < weights_.size() && before + weights_[at] <= sum; ++at) {
        if (weights_[at] > 0) last = at;
        before += weights_[at];
    }
    // Rounding may leave the sum unpassed by all of them.
    if (at == weights_.size()) before -= weights_[at = last];
    size_t found = 0;
    for (size_t i = 0; i < kBlock && before <= sum; ++i) {
        if (block(at)[i] < -farthest_) continue;
        before += static_cast<double>(exponential::of_negative(block(at)[i]));
        found = i;
    }
    return static_cast<TokenId>(at * kBlock + found);
}

void ScoredBlocks::collect(float farthest, std::vector<Candidate>& candidates) const {
    candidates.clear();
    for (size_t i = 0; i < best_.size(); ++i) {
        if (best_[i] < -farthest) continue;
        for (size_t j = 0; j < kBlock; ++j)
            if (const float score = block(i)[j]; score >= -farthest)
                candidates.push_back({score, static_cast<TokenId>(i * kBlock + j)});
    }
}

}  // namespace pitwall::engine
