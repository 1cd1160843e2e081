// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "panels/changes/change_effect.h"
#include "panels/kv_precision/kv_formats.h"
#include "panels/kv_precision/step_fit.h"
#include "telemetry/stats/intervals.h"

namespace pitwall::panels {

/// One side of a change: means with their 95 % intervals over what happened in its range.
struct KvEffectSide {
    telemetry::TimeRange range;
    telemetry::Interval output_per_s{};  ///< tokens; over ten equal pieces
    telemetry::Interval ttft_ns{}, tpot_ns{};
    telemetry::Interval decode_step_ns{};  ///< execution of steps that only decoded, without drafts
    std::optional<StepFit> fit;
};

/// What the last change of the format did, over equal ranges in which no other knob moved.
struct KvEffect {
    uint32_t change = 0;
    KvEffectSide before, after;
    BreakEven pays;
};

/// Nothing where the format never changed.
std::optional<KvEffect> kv_effect(const telemetry::Store& store, const ChangeEffects& effects);

}  // namespace pitwall::panels
