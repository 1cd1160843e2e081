// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/transport/session_envelope.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

namespace {
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
}

void SessionEnvelope::clear() { *this = SessionEnvelope(); }

double SessionEnvelope::highest() const {
    double highest = 0;
    for (const double rate : tokens_per_s_)
        if (rate > highest) highest = rate;
    return highest;
}

void SessionEnvelope::update(const telemetry::Store& store) {
    if (store.steps().empty()) return;
    if (!begun_) {
        const int64_t begin_ns = std::max(store.begin_ns(), store.history_begin_ns());
        begin_ns_ = begin_ns / kFirstBucketNs * kFirstBucketNs;
        begun_ = true;
    }
    const int64_t lasted = std::max<int64_t>(0, store.now_ns() - begin_ns_);
    while (lasted / bucket_ns_ > int64_t{kMaxBuckets}) halve();
    const auto done = static_cast<size_t>(lasted / bucket_ns_);
    // What lies ahead of a seek backwards stays drawn as it was.
    if (tokens_per_s_.size() < done) tokens_per_s_.resize(done, kUnknown);
    for (size_t i = 0; i < done; ++i) {
        const int64_t from = begin_ns_ + static_cast<int64_t>(i) * bucket_ns_;
        if (!std::isnan(tokens_per_s_[i]) || from < store.history_begin_ns()) continue;
        const telemetry::TimeRange piece{from, from + bucket_ns_};
        const auto counted = telemetry::buckets(store, piece, 1, false,
                                                {.steps = false, .requests = false, .evictions = false});
        tokens_per_s_[i] = double(counted.front().output_tokens) * 1e9 / double(bucket_ns_);
    }
}

void SessionEnvelope::halve() {
    // An odd one at the end is counted again, with its second half, when that half is over.
    const size_t pairs = tokens_per_s_.size() / 2;
    for (size_t i = 0; i < pairs; ++i)
        tokens_per_s_[i] = (tokens_per_s_[2 * i] + tokens_per_s_[2 * i + 1]) / 2;
    tokens_per_s_.resize(pairs);
    bucket_ns_ *= 2;
}

}  // namespace pitwall::panels
