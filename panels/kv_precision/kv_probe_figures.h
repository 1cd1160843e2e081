// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "telemetry/stats/intervals.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What the quality probe measured of one format over a range: one sample is a piece of a request's text, however often a
/// recording tells it (ProbePieces).
struct KvProbeFigures {
    telemetry::Interval mean_kl{};  ///< nats; over samples, t interval, each sample counts once
    double worst_kl = 0;
    uint64_t flips = 0, positions = 0;
    telemetry::Interval flip_share{};            ///< Wilson
    uint32_t least_tokens = 0, most_tokens = 0;  ///< of a sample
    int64_t cost_ns = 0;                         ///< in sum, of all that was told
    telemetry::KvDtype reference = telemetry::KvDtype::kF16;
    uint64_t samples() const { return mean_kl.n; }
};
KvProbeFigures kv_probe_figures(const telemetry::Store& store, telemetry::TimeRange range,
                                telemetry::KvDtype dtype);

}  // namespace pitwall::panels
