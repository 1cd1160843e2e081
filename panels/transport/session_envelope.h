// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Output over the whole session in buckets that double their length when there are too many: a console that is left
/// open for a week neither grows nor scans its history again.
class SessionEnvelope {
  public:
    static constexpr size_t kMaxBuckets = 1024;
    static constexpr int64_t kFirstBucketNs = 1'000'000'000;

    /// Takes in the buckets that ended since the last call.
    void update(const telemetry::Store& store);
    void clear();

    int64_t begin_ns() const { return begin_ns_; }
    int64_t bucket_ns() const { return bucket_ns_; }
    /// NaN where nothing is known: before the history, or skipped by a seek and not played since.
    const std::vector<double>& tokens_per_s() const { return tokens_per_s_; }
    double highest() const;

  private:
    void halve();

    bool begun_ = false;
    int64_t begin_ns_ = 0, bucket_ns_ = kFirstBucketNs;
    std::vector<double> tokens_per_s_;
};

}  // namespace pitwall::panels
