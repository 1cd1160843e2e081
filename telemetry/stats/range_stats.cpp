// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/stats/range_stats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pitwall::telemetry {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, double whole) { return whole > 0 ? part / whole : kNaN; }

/// Output tokens handed out in `range`; times ascend, so that old ranges of long requests cost little.
uint64_t tokens_in(const RequestRow& row, TimeRange range) {
    if (row.tokens.empty() || row.last_token_ns < range.begin_ns || row.first_token_ns >= range.end_ns)
        return 0;
    const auto before = [](const RequestRow::Token& token, int64_t t_ns) { return token.t_ns < t_ns; };
    const auto first = std::lower_bound(row.tokens.begin(), row.tokens.end(), range.begin_ns, before);
    return static_cast<uint64_t>(std::lower_bound(first, row.tokens.end(), range.end_ns, before) - first);
}

bool touches(const RequestRow& row, TimeRange range) {
    return row.arrival_ns < range.end_ns && (row.end_ns < 0 || row.end_ns >= range.begin_ns);
}

template <class Fn>
void for_steps(const Store& store, TimeRange range, Fn&& fn) {
    const auto& steps = store.steps();
    auto row = std::lower_bound(steps.begin(), steps.end(), range.begin_ns,
                                [](const StepRow& r, int64_t t_ns) { return r.start_ns < t_ns; });
    for (; row != steps.end() && row->start_ns < range.end_ns; ++row) fn(*row);
}

template <class Fn>
void for_evictions(const Store& store, TimeRange range, Fn&& fn) {
    const auto& rows = store.evictions();
    auto row = std::lower_bound(rows.begin(), rows.end(), range.begin_ns,
                                [](const EvictionRow& r, int64_t t_ns) { return r.t_ns < t_ns; });
    for (; row != rows.end() && row->t_ns < range.end_ns; ++row) fn(*row);
}

void add_samples(LatencySamples& samples, const RequestRow& row, TimeRange range) {
    const RequestTimes times = times_of(row);
    if (const auto ttft = ttft_ns(times); ttft && range.contains(row.first_token_ns))
        samples.ttft_ns.push_back(*ttft);
    if (!row.ended() || !range.contains(row.end_ns)) return;
    if (const auto tpot = tpot_ns(times)) samples.tpot_ns.push_back(*tpot);
    if (const auto e2e = e2e_ns(times)) samples.e2e_ns.push_back(*e2e);
}

void add_request(RangeStats& stats, const RequestRow& row) {
    stats.arrived += stats.range.contains(row.arrival_ns);
    stats.output_tokens += tokens_in(row, stats.range);
    if (row.scheduled_ns >= 0 && stats.range.contains(row.scheduled_ns)) {
        ++stats.admissions;
        stats.prompt_tokens += row.prompt_tokens;
        stats.cached_tokens += row.cached_tokens;
    }
    if (row.ended() && row.end_ns >= 0 && stats.range.contains(row.end_ns)) stats.add_end(times_of(row));
}

}  // namespace

double RangeStats::output_tokens_per_s() const {
    return ratio(static_cast<double>(output_tokens), seconds());
}
double RangeStats::prefill_tokens_per_s() const {
    return ratio(static_cast<double>(steps.prefill_tokens), seconds());
}
double RangeStats::goodput_per_s() const { return ratio(static_cast<double>(good), seconds()); }
double RangeStats::good_fraction() const {
    return ratio(static_cast<double>(good), static_cast<double>(finished + failed));
}
double RangeStats::hit_rate() const {
    return ratio(static_cast<double>(cached_tokens), static_cast<double>(prompt_tokens));
}
double Bucket::hit_rate() const {
    return ratio(static_cast<double>(cached_tokens), static_cast<double>(prompt_tokens));
}

void RangeStats::add_end(const RequestTimes& times) {
    ++ended;
    failed += times.failed();
    cancelled += times.reason == FinishReason::kCancelled;
    if (!times.finished()) return;
    ++finished;
    good += is_good(times, slo);
    ttft_misses += !meets_ttft(times, slo);
    tpot_misses += !meets_tpot(times, slo);
}

LatencySamples latency_samples(const Store& store, TimeRange range) {
    LatencySamples samples;
    store.for_requests(range, [&](const RequestRow& row) {
        if (touches(row, range)) add_samples(samples, row, range);
    });
    return samples;
}

RangeStats range_stats(const Store& store, TimeRange range) {
    RangeStats stats;
    stats.range = range;
    stats.slo = slo_of(store);
    LatencySamples samples;
    store.for_requests(range, [&](const RequestRow& row) {
        if (!touches(row, range)) return;
        add_samples(samples, row, range);
        add_request(stats, row);
    });
    stats.ttft_ns = percentiles(samples.ttft_ns);
    stats.tpot_ns = percentiles(samples.tpot_ns);
    stats.e2e_ns = percentiles(samples.e2e_ns);
    store.folded().for_cells(range, [&](const FoldedHistory::Cell& cell) {
        stats.steps.add(cell.steps);
        stats.output_tokens += cell.output_tokens;
        stats.evicted_blocks += cell.evicted_blocks;
    });
    for_steps(store, range, [&](const StepRow& row) { stats.steps.add(row, store.block_tokens()); });
    for_evictions(store, range, [&](const EvictionRow& row) { stats.evicted_blocks += row.blocks; });
    stats.complete = range.begin_ns >= store.complete_since_ns() && store.folded().exact(range);
    return stats;
}

// ------------------------------------------------------------------------------------------------ time axis

namespace {

/// `multiple_ns`: what the length is a multiple of, where aligned.
std::vector<Bucket> empty_buckets(TimeRange range, size_t count, bool aligned, int64_t multiple_ns) {
    count = std::max<size_t>(count, 1);
    int64_t length = std::max<int64_t>((range.end_ns - range.begin_ns) / static_cast<int64_t>(count), 1);
    if (aligned) length = (length + multiple_ns - 1) / multiple_ns * multiple_ns;
    int64_t begin = range.begin_ns;
    if (aligned) {
        begin = (begin >= 0 ? begin : begin - length + 1) / length * length;
        count = static_cast<size_t>(std::max<int64_t>((range.end_ns - begin + length - 1) / length, 1));
    }
    std::vector<Bucket> result(count);
    for (Bucket& bucket : result) {
        bucket.begin_ns = begin;
        bucket.end_ns = begin += length;
    }
    if (!aligned)
        result.back().end_ns = std::max(range.end_ns, result.back().end_ns);  // what division left over
    return result;
}

class BucketAt {
  public:
    explicit BucketAt(std::vector<Bucket>& all)
        : all_(all), length_(all.front().end_ns - all.front().begin_ns) {}
    Bucket* operator()(int64_t t_ns) const {
        if (t_ns < all_.front().begin_ns || t_ns >= all_.back().end_ns) return nullptr;
        const auto index = static_cast<size_t>((t_ns - all_.front().begin_ns) / length_);
        return &all_[std::min(index, all_.size() - 1)];
    }

  private:
    std::vector<Bucket>& all_;
    int64_t length_;
};

void add_to_buckets(const BucketAt& at, const RequestRow& row) {
    if (Bucket* bucket = at(row.arrival_ns)) ++bucket->arrived;
    if (row.end_ns >= 0 && times_of(row).finished())
        if (Bucket* bucket = at(row.end_ns)) ++bucket->finished;
    if (row.scheduled_ns >= 0) {
        if (Bucket* bucket = at(row.scheduled_ns)) {
            bucket->prompt_tokens += row.prompt_tokens;
            bucket->cached_tokens += row.cached_tokens;
        }
    }
}

/// A search a bucket, not a look at each token: over a whole session there are millions of them.
void add_tokens(const BucketAt& at, const RequestRow& row, TimeRange range) {
    const auto before = [](const RequestRow::Token& token, int64_t t_ns) { return token.t_ns < t_ns; };
    auto token = std::lower_bound(row.tokens.begin(), row.tokens.end(), range.begin_ns, before);
    while (token != row.tokens.end()) {
        Bucket* bucket = at(token->t_ns);
        if (bucket == nullptr) return;
        const auto next = std::lower_bound(token, row.tokens.end(), bucket->end_ns, before);
        bucket->output_tokens += static_cast<uint64_t>(next - token);
        token = next;
    }
}

void add_folded(const BucketAt& at, const FoldedHistory& folded, TimeRange range, BucketParts parts) {
    folded.for_cells(range, [&](const FoldedHistory::Cell& cell) {
        Bucket* bucket = at(cell.first_ns);
        if (bucket == nullptr) return;
        if (parts.steps) bucket->steps.add(cell.steps);
        if (parts.tokens) bucket->output_tokens += cell.output_tokens;
        if (parts.evictions) bucket->evicted_blocks += cell.evicted_blocks;
    });
}

}  // namespace

std::vector<Bucket> buckets(const Store& store, TimeRange range, size_t count, bool aligned,
                            BucketParts parts) {
    const bool old = range.begin_ns < store.detail_begin_ns();
    std::vector<Bucket> result = empty_buckets(range, count, aligned, old ? store.folded().cell_ns() : 1);
    const TimeRange whole{result.front().begin_ns, result.back().end_ns};
    const BucketAt at(result);
    const TimeRange none{};
    add_folded(at, store.folded(), whole, parts);
    for_steps(store, parts.steps ? whole : none, [&](const StepRow& row) {
        if (Bucket* bucket = at(row.start_ns)) bucket->steps.add(row, store.block_tokens());
    });
    for_evictions(store, parts.evictions ? whole : none, [&](const EvictionRow& row) {
        if (Bucket* bucket = at(row.t_ns)) bucket->evicted_blocks += row.blocks;
    });
    if (!parts.requests && !parts.tokens) return result;
    store.for_requests(whole, [&](const RequestRow& row) {
        if (!touches(row, whole)) return;
        if (parts.requests) add_to_buckets(at, row);
        if (parts.tokens) add_tokens(at, row, whole);
    });
    return result;
}

std::vector<Bucket> rate_pieces(const Store& store, TimeRange range, BucketParts parts) {
    constexpr int64_t kSecond = 1'000'000'000;
    if (range.end_ns - range.begin_ns < kSecond) return {};
    return buckets(store, range, kRatePieces, false, parts);
}

std::vector<double> output_rates(std::span<const Bucket> pieces) {
    std::vector<double> rates;
    rates.reserve(pieces.size());
    for (const Bucket& piece : pieces)
        rates.push_back(static_cast<double>(piece.output_tokens) / piece.seconds());
    return rates;
}

}  // namespace pitwall::telemetry
