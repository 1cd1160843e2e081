// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/probe_pieces.h"

#include <cmath>

#include "panels/knobs/knob_text.h"

namespace pitwall::panels {

ProbePieces::ProbePieces(const telemetry::Store& store) {
    const uint16_t number = KnobNumbers(store).number(presets::KnobId::kActivationDtype);
    for (const telemetry::KnobChange& change : store.knob_changes())
        // A damaged recording may tell anything, and NaN has no order.
        if (change.event.knob == number && std::isfinite(change.event.old_value) &&
            std::isfinite(change.event.effective_value))
            changes_.push_back(change);
}

bool ProbePieces::add(const telemetry::ProbeRow& row) {
    const telemetry::ProbeEvent& probe = row.probe;
    return seen_.emplace(probe.request, probe.first_token, probe.dtype, activations_at(row.t_ns)).second;
}

/// The knob's value then; 0 where it never changed.
double ProbePieces::activations_at(int64_t t_ns) const {
    double value = changes_.empty() ? 0 : changes_.front().event.old_value;
    for (const telemetry::KnobChange& change : changes_)
        if (change.t_ns <= t_ns) value = change.event.effective_value;
    return value;
}

}  // namespace pitwall::panels
