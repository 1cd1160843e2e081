// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_probe_figures.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "panels/kv_precision/probe_pieces.h"

namespace pitwall::panels {

namespace {

void add_cost(KvProbeFigures& figures, const telemetry::ProbeEvent& probe) {
    if (__builtin_add_overflow(figures.cost_ns, probe.cost_ns, &figures.cost_ns)) figures.cost_ns = INT64_MAX;
}

void add_sample(KvProbeFigures& figures, const telemetry::ProbeEvent& probe) {
    const bool first = figures.most_tokens == 0;
    figures.least_tokens = first ? probe.tokens : std::min(figures.least_tokens, probe.tokens);
    figures.most_tokens = std::max(figures.most_tokens, probe.tokens);
    if (std::isfinite(probe.worst_kl)) figures.worst_kl = std::max(figures.worst_kl, probe.worst_kl);
    figures.flips += std::min(probe.flips, probe.positions);
    figures.positions += probe.positions;
    figures.reference = probe.reference;
}

}  // namespace

KvProbeFigures kv_probe_figures(const telemetry::Store& store, telemetry::TimeRange range,
                                telemetry::KvDtype dtype) {
    KvProbeFigures figures;
    ProbePieces pieces(store);
    std::vector<double> means;
    for (const telemetry::ProbeRow& row : store.probes()) {
        const telemetry::ProbeEvent& probe = row.probe;
        // A damaged recording may tell anything.
        if (!range.contains(row.t_ns) || probe.dtype != dtype || !std::isfinite(probe.mean_kl)) continue;
        add_cost(figures, probe);
        if (!pieces.add(row)) continue;
        means.push_back(probe.mean_kl);
        add_sample(figures, probe);
    }
    figures.mean_kl = telemetry::mean_interval(means);
    figures.flip_share = telemetry::wilson_interval(figures.flips, figures.positions);
    return figures;
}

}  // namespace pitwall::panels
