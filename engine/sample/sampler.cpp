// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "engine/sample/exponential.h"
#include "engine/sample/philox.h"

namespace pitwall::engine {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
/// Candidates this far below the best weigh less than 1e-17 of it: less than the last bit of the sum.
constexpr float kNegligible = 40.0f;

float tame(float logit) {
    if (std::isnan(logit)) return kMinusInfinity;
    return std::min(logit, std::numeric_limits<float>::max());
}

bool contains(std::span<const TokenId> ids, TokenId id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// NaN compares false. Lane by lane, so that the compiler may take many at once.
float largest(std::span<const float> values) {
    constexpr size_t kLanes = 16;
    float lanes[kLanes];
    std::fill_n(lanes, kLanes, kMinusInfinity);
    size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
    for (; i < values.size(); ++i) lanes[0] = values[i] > lanes[0] ? values[i] : lanes[0];
    return *std::max_element(lanes, lanes + kLanes);
}

/// Of equal ones the first. Most runs hold nothing better than what was found before them, and are only looked over.
TokenId argmax(std::span<const float> logits, std::span<const TokenId> banned) {
    constexpr size_t kRun = 512;
    TokenId best = -1;
    float best_value = kMinusInfinity;
    for (size_t first = 0; first < logits.size(); first += kRun) {
        const auto run = logits.subspan(first, std::min(kRun, logits.size() - first));
        if (!(largest(run) > best_value)) continue;
        for (size_t i = 0; i < run.size(); ++i)
            if (run[i] > best_value && !contains(banned, static_cast<TokenId>(first + i)))
                best = static_cast<TokenId>(first + i), best_value = run[i];
    }
    return best;
}

bool is_penalized(const SamplingParams& params, std::span<const TokenId> history) {
    return has_penalty(params) && !history.empty();
}

TokenId lowest_allowed(size_t vocab, std::span<const TokenId> banned) {
    for (size_t i = 0; i < vocab; ++i)
        if (!contains(banned, static_cast<TokenId>(i))) return static_cast<TokenId>(i);
    return 0;
}

void penalize(std::span<float> logits, float penalty, std::span<const TokenId> history,
              SamplerScratch& scratch) {
    if (scratch.seen.size() < logits.size() || scratch.generation == std::numeric_limits<uint32_t>::max()) {
        scratch.seen.assign(logits.size(), 0);
        scratch.generation = 0;
    }
    ++scratch.generation;
    for (const TokenId id : history) {
        if (id < 0 || static_cast<size_t>(id) >= logits.size()) continue;
        if (scratch.seen[static_cast<size_t>(id)] == scratch.generation) continue;
        scratch.seen[static_cast<size_t>(id)] = scratch.generation;
        float& logit = logits[static_cast<size_t>(id)];
        logit = logit > 0 ? logit / penalty : logit * penalty;
    }
}

/// Of more than so many; the best first.
void keep_top_k(std::vector<Candidate>& candidates, int32_t top_k) {
    std::nth_element(candidates.begin(), candidates.begin() + top_k, candidates.end(), better);
    candidates.resize(static_cast<size_t>(top_k));
    std::sort(candidates.begin(), candidates.end(), better);
}

constexpr size_t kWeightsAtOnce = 16;

/// Calls take(weights, count) for all candidates in their order, some at a time: of exponential::of_negative() the compiler
/// computes several at once, of the library's function one.
template <class Take>
void each_weight(std::span<const Candidate> candidates, const Take& take) {
    float values[kWeightsAtOnce] = {}, weights[kWeightsAtOnce];
    for (size_t first = 0; first < candidates.size(); first += kWeightsAtOnce) {
        const size_t count = std::min(kWeightsAtOnce, candidates.size() - first);
        for (size_t i = 0; i < count; ++i) values[i] = candidates[first + i].score;
        for (size_t i = 0; i < kWeightsAtOnce; ++i) weights[i] = exponential::of_negative(values[i]);
        take(weights, count);
    }
}

double total_weight(std::span<const Candidate> candidates) {
    double sums[kWeightsAtOnce] = {};  // as many chains: each link waits for the one before
    each_weight(candidates, [&](const float* weights, size_t count) {
        for (size_t i = 0; i < count; ++i) sums[i] += static_cast<double>(weights[i]);
    });
    return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

/// Of all candidates the best ones, so many that `enough` says so; all where it never does.
template <class Enough>
void collect_best(SamplerScratch& scratch, float farthest, const Enough& enough) {
    constexpr float kStep = 2;  // each next one costs little, and what is too much has to be sorted
    for (float reach = kStep;; reach += kStep) {
        scratch.blocks.collect(std::min(reach, farthest), scratch.candidates);
        if (reach >= farthest || enough(std::span<const Candidate>(scratch.candidates))) return;
    }
}

/// Keeps the fewest of the best, which candidates begin with, whose weights reach `wanted`.
void keep_weight(std::vector<Candidate>& candidates, double wanted) {
    double sum = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
        sum += static_cast<double>(exponential::of_negative(candidates[i].score));
        if (sum >= wanted) return candidates.resize(i + 1);
    }
}

bool may_cut_top_k(const SamplingParams& params, size_t vocab) {
    return params.top_k > 0 && static_cast<size_t>(params.top_k) < vocab;
}
bool cuts_top_p(const SamplingParams& params) { return params.top_p < 1; }
double share_of(const SamplingParams& params, double total) {
    return std::max(0.0, static_cast<double>(params.top_p)) * total;
}

/// Candidates that top-k and top-p leave: the best first, but in order of id where neither cuts.
void keep_best(const SamplingParams& params, bool may_cut_k, float farthest, SamplerScratch& scratch) {
    auto& candidates = scratch.candidates;
    const bool cut_p = cuts_top_p(params);
    const auto k = static_cast<size_t>(params.top_k);
    double wanted = 0;
    if (may_cut_k) {
        collect_best(scratch, farthest, [&](auto some) { return some.size() > k; });
    } else {
        wanted = share_of(params, scratch.blocks.weigh(farthest));
        collect_best(scratch, farthest, [&](auto some) { return total_weight(some) >= wanted; });
    }
    const bool cut_k = may_cut_k && candidates.size() > k;
    if (cut_k)
        keep_top_k(candidates, params.top_k);
    else if (cut_p)
        sort_best_first(candidates, scratch.sorted);
    if (!cut_p) return;
    if (may_cut_k) wanted = share_of(params, total_weight(candidates));  // of those that top-k left
    keep_weight(candidates, wanted);
}

TokenId draw(SamplerScratch& scratch, double uniform) {
    auto& weights = scratch.weights;
    weights.clear();
    double total = 0;
    each_weight(scratch.candidates, [&](const float* some, size_t count) {
        for (size_t i = 0; i < count; ++i) weights.push_back(total += static_cast<double>(some[i]));
    });
    const auto at = std::upper_bound(weights.begin(), weights.end(), uniform * total);
    const size_t index = std::min(static_cast<size_t>(at - weights.begin()), weights.size() - 1);
    return scratch.candidates[index].id;
}

}  // namespace

bool is_greedy(const SamplingParams& params) { return !(params.temperature > 0); }

bool has_penalty(const SamplingParams& params) {
    return params.repetition_penalty > 0 && params.repetition_penalty != 1;
}

float farthest_candidate(const SamplingParams& params) {
    return params.min_p > 0 ? std::clamp(-std::log(params.min_p), 0.0f, kNegligible) : kNegligible;
}

double uniform_noise(uint64_t seed, uint64_t position) {
    const auto bits =
        philox4x32({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), 0, 0},
                   {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    const uint64_t wide = (uint64_t{bits[0]} << 32 | bits[1]) >> 11;
    return static_cast<double>(wide) * 0x1.0p-53;
}

TokenId sample_token(std::span<const float> logits, const SamplingParams& params,
                     std::span<const TokenId> history, std::span<const TokenId> banned, uint64_t position,
                     SamplerScratch& scratch) {
    const bool penalized = is_penalized(params, history), greedy = is_greedy(params);
    std::span<const float> scores = logits;
    if (penalized || (!greedy && !banned.empty())) {
        scratch.logits.assign(logits.begin(), logits.end());
        if (penalized) penalize(scratch.logits, params.repetition_penalty, history, scratch);
        for (const TokenId id : banned)
            if (id >= 0 && static_cast<size_t>(id) < scratch.logits.size())
                scratch.logits[static_cast<size_t>(id)] = kMinusInfinity;
        scores = scratch.logits;
    }
    const TokenId best = argmax(scores, banned);
    if (best < 0) return lowest_allowed(logits.size(), banned);
    if (greedy) return best;

    scratch.blocks.score(scores, tame(scores[static_cast<size_t>(best)]), params.temperature);
    const float farthest = farthest_candidate(params);
    const double uniform = uniform_noise(params.seed, position);
    const bool may_cut_k = may_cut_top_k(params, scores.size());
    if (!may_cut_k && !cuts_top_p(params))
        return scratch.blocks.draw(uniform * scratch.blocks.weigh(farthest));
    keep_best(params, may_cut_k, farthest, scratch);
    return draw(scratch, uniform);
}

bool takes_largest(const SamplingParams& params, std::span<const TokenId> history,
                   std::span<const TokenId> banned) {
    return is_greedy(params) && !is_penalized(params, history) && banned.empty();
}

}  // namespace pitwall::engine
