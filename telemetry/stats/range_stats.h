// SPDX-License-Identifier: GPL-3.0-or-later
//
// What panels say of a range of session time: pure functions over the store.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "telemetry/stats/metrics.h"
#include "telemetry/stats/quantile.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

/// A TTFT belongs to the moment of its first token, TPOT and E2E to the request's end.
struct RangeStats {
    TimeRange range;
    Slo slo;
    Percentiles ttft_ns{}, tpot_ns{}, e2e_ns{};
    StepSums steps;  ///< of those that begin in the range

    uint64_t arrived = 0, ended = 0, finished = 0, failed = 0, cancelled = 0;
    uint64_t output_tokens = 0;  ///< handed out in the range
    /// Of the finished; misses are those over the limit.
    uint64_t good = 0, ttft_misses = 0, tpot_misses = 0;
    /// Of requests first scheduled in the range.
    uint64_t admissions = 0, prompt_tokens = 0, cached_tokens = 0;
    uint64_t evicted_blocks = 0;
    /// False: the store has trimmed rows of the range, or events were dropped, or it cuts a piece of folded history
    /// (Store::snapped() gives a range that does not).
    bool complete = true;

    void add_end(const RequestTimes& times);  ///< of a request that ended in the range
    double seconds() const { return static_cast<double>(range.end_ns - range.begin_ns) * 1e-9; }
    double output_tokens_per_s() const;
    double prefill_tokens_per_s() const;  ///< computed prompt tokens, without what the cache gave
    double goodput_per_s() const;         ///< good requests / duration
    double good_fraction() const;         ///< good / (finished + failed); NaN without
    double hit_rate() const;              ///< cached / prompt tokens of the admissions; NaN without
};
RangeStats range_stats(const Store& store, TimeRange range);

/// The samples themselves, in ns, in no order.
struct LatencySamples {
    std::vector<double> ttft_ns, tpot_ns, e2e_ns;
};
LatencySamples latency_samples(const Store& store, TimeRange range);

/// One piece of a time axis: equally long ones, the last of which ends where the range does.
struct Bucket {
    int64_t begin_ns = 0, end_ns = 0;
    StepSums steps;
    uint64_t output_tokens = 0, arrived = 0, finished = 0, evicted_blocks = 0;
    uint64_t prompt_tokens = 0, cached_tokens = 0;  ///< of requests first scheduled in it
    double seconds() const { return static_cast<double>(end_ns - begin_ns) * 1e-9; }
    double hit_rate() const;  ///< NaN where nothing was admitted
};
/// What buckets() counts: what nobody looks at is not visited.
struct BucketParts {
    bool steps = true, tokens = true, requests = true, evictions = true;
};
/// `buckets` of at least 1. Buckets start at multiples of their length where `aligned`, so that a moving
/// range does not make the figures dance; then there may be one more, and where the range reaches into folded history
/// their length is a multiple of its cells', so that no cell lies in two.
std::vector<Bucket> buckets(const Store& store, TimeRange range, size_t buckets, bool aligned = false,
                            BucketParts parts = {});

/// What means of rates over a range are judged by: ten equal pieces of it, so that what happens within one request lies
/// mostly within one piece (batch means; Law, Simulation Modeling and Analysis, section 9.5). None of less than a second.
inline constexpr size_t kRatePieces = 10;
std::vector<Bucket> rate_pieces(const Store& store, TimeRange range, BucketParts parts = {.steps = false});
/// Of each piece; their mean is the rate over the range.
std::vector<double> output_rates(std::span<const Bucket> pieces);

}  // namespace pitwall::telemetry
