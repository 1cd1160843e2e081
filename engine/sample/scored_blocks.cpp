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

/// Of some whole blocks.
struct ScorePass {
    const float* logits;
    size_t blocks;
    float best, temperature;
    float *scores, *block_best;
};
struct WeighPass {
    const float *scores, *block_best;
    size_t blocks;
    float farthest;
    double* weights;
};

/// [kBlock] scores, and the best of them.
[[gnu::always_inline]] inline float score_block(const float* logits, const ScorePass& pass, float* scores) {
    Floats most = Floats{} + kMinusInfinity;
    for (size_t first = 0; first < kBlock; first += kLanes) {
        Floats x = load(logits + first);
        x = x > kMinusInfinity ? x : Floats{} + kMinusInfinity;
        x = x < kLargest ? x : Floats{} + kLargest;
        x = (x - pass.best) / pass.temperature;
        most = x > most ? x : most;
        std::memcpy(scores + first, &x, sizeof x);
    }
    float largest = most[0];
    for (size_t i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
    return largest;
}

[[gnu::always_inline]] inline double weigh_block(const float* scores, float farthest) {
    Doubles sums = {};
    for (size_t first = 0; first < kBlock; first += kLanes) {
        const Floats x = load(scores + first), near = x > -farthest ? x : Floats{} - farthest;
        const Floats weights = x >= -farthest ? exponential::of_negatives<Bits>(near) : Floats{};
        sums += __builtin_convertvector(weights, Doubles);
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

[[gnu::always_inline]] inline void score_all(const ScorePass& pass) {
    for (size_t i = 0; i < pass.blocks; ++i)
        pass.block_best[i] = score_block(pass.logits + i * kBlock, pass, pass.scores + i * kBlock);
}

[[gnu::always_inline]] inline void weigh_all(const WeighPass& pass) {
    for (size_t i = 0; i < pass.blocks; ++i)
        pass.weights[i] =
            pass.block_best[i] >= -pass.farthest ? weigh_block(pass.scores + i * kBlock, pass.farthest) : 0;
}

// The same source for whatever instructions there are; products and sums are not fused (-ffp-contract=off), so bits are the same, too.
void score_plain(const ScorePass& pass) { score_all(pass); }
void weigh_plain(const WeighPass& pass) { weigh_all(pass); }
#if defined(__x86_64__)
[[gnu::target("avx2")]] void score_avx2(const ScorePass& pass) { score_all(pass); }
[[gnu::target("avx2")]] void weigh_avx2(const WeighPass& pass) { weigh_all(pass); }
[[gnu::target("avx512f,avx512dq,avx512vl")]] void score_avx512(const ScorePass& pass) { score_all(pass); }
[[gnu::target("avx512f,avx512dq,avx512vl")]] void weigh_avx512(const WeighPass& pass) { weigh_all(pass); }
#endif

struct Passes {
    void (*score)(const ScorePass& pass);
    void (*weigh)(const WeighPass& pass);
};

constexpr Passes kPlainPasses{score_plain, weigh_plain};
#if defined(__x86_64__)
constexpr Passes kAvx2Passes{score_avx2, weigh_avx2}, kAvx512Passes{score_avx512, weigh_avx512};
#endif

const Passes& passes_of(ScoringVectors vectors) {
#if defined(__x86_64__)
    if (vectors == ScoringVectors::kAvx512) return kAvx512Passes;
    if (vectors == ScoringVectors::kAvx2) return kAvx2Passes;
#endif
    return kPlainPasses;
}

}  // namespace

std::vector<ScoringVectors> available_scoring_vectors() {
    std::vector<ScoringVectors> all{ScoringVectors::kPlain};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") != 0) all.push_back(ScoringVectors::kAvx2);
    if (__builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0)
        all.push_back(ScoringVectors::kAvx512);
#endif
    return all;
}

ScoredBlocks::ScoredBlocks() {
    static const ScoringVectors widest = available_scoring_vectors().back();
    vectors_ = widest;
}

std::span<const float> ScoredBlocks::block(size_t index) const {
    return std::span(scores_).subspan(index * kBlock, kBlock);
}

void ScoredBlocks::score(std::span<const float> logits, float best, float temperature) {
    const size_t whole = logits.size() / kBlock, blocks = (logits.size() + kBlock - 1) / kBlock;
    scores_.resize(blocks * kBlock);
    best_.resize(blocks);
    passes_of(vectors_).score({logits.data(), whole, best, temperature, scores_.data(), best_.data()});
    if (whole == blocks) return;
    std::array<float, kBlock> last;
    last.fill(kMinusInfinity);
    std::ranges::copy(logits.subspan(whole * kBlock), last.begin());
    passes_of(vectors_).score(
        {last.data(), 1, best, temperature, scores_.data() + whole * kBlock, best_.data() + whole});
}

double ScoredBlocks::weigh(float farthest) {
    farthest_ = farthest;
    weights_.resize(best_.size());
    passes_of(vectors_).weigh({scores_.data(), best_.data(), best_.size(), farthest, weights_.data()});
    return std::accumulate(weights_.begin(), weights_.end(), 0.0);
}

TokenId ScoredBlocks::draw(double target) const {
    double before = 0;
    size_t at = 0, last = 0;
    for (; at < weights_.size() && before + weights_[at] <= target; ++at) {
        if (weights_[at] > 0) last = at;
        before += weights_[at];
    }
    // Rounding may leave the target beyond all of them.
    if (at == weights_.size()) before -= weights_[at = last];
    size_t found = 0;
    for (size_t i = 0; i < kBlock && before <= target; ++i) {
        const float score = block(at)[i];
        if (!(score >= -farthest_)) continue;  // or is no number
        before += static_cast<double>(exponential::of_negative(score));
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
