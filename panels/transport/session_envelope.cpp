// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/transport/session_envelope.h"

#include <algorithm>

#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

void SessionEnvelope::clear() { *this = SessionEnvelope(); }

double SessionEnvelope::highest() const {
    return tokens_per_s_.empty() ? 0 : *std::max_element(tokens_per_s_.begin(), tokens_per_s_.end());
}

void SessionEnvelope::update(const telemetry::Store& store) {
    if (store.steps().empty()) return;
    if (!begun_) {
        begin_ns_ = store.steps().front().start_ns / kFirstBucketNs * kFirstBucketNs;
        begun_ = true;
    }
    const auto done = static_cast<size_t>(std::max<int64_t>(0, (store.now_ns() - begin_ns_) / bucket_ns_));
    if (done < tokens_per_s_.size()) {  // a seek went back: what lies ahead stays drawn as it was
        return;
    }
    const size_t fresh = done - tokens_per_s_.size();
    if (fresh == 0) return;
    const int64_t from = begin_ns_ + static_cast<int64_t>(tokens_per_s_.size()) * bucket_ns_;
    const telemetry::TimeRange range{from, begin_ns_ + static_cast<int64_t>(done) * bucket_ns_};
    for (const telemetry::Bucket& bucket : telemetry::buckets(store, range, std::min(fresh, size_t{1} << 16)))
        tokens_per_s_.push_back(bucket.seconds() > 0 ? double(bucket.output_tokens) / bucket.seconds() : 0);
    while (tokens_per_s_.size() > kMaxBuckets) halve();
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
