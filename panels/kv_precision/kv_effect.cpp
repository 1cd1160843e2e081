// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_effect.h"

#include <algorithm>

#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

using telemetry::StepEvent;
using telemetry::TimeRange;

namespace {

bool only_decodes(const StepEvent& step) {
    return step.decode_tokens > 0 && step.prefill_tokens == 0 && step.recompute_tokens == 0 &&
           step.draft_tokens == 0;
}

std::vector<DecodeStep> decode_steps(const telemetry::Store& store, TimeRange range) {
    std::vector<DecodeStep> steps;
    const auto& rows = store.steps();
    auto row = std::lower_bound(rows.begin(), rows.end(), range.begin_ns,
                                [](const telemetry::StepRow& r, int64_t t_ns) { return r.start_ns < t_ns; });
    for (; row != rows.end() && row->start_ns < range.end_ns; ++row)
        if (only_decodes(row->step))
            steps.push_back({double(row->step.decode_tokens), double(row->step.slots_filled),
                             double(row->step.execute_ns)});
    return steps;
}

KvEffectSide measure_side(const telemetry::Store& store, TimeRange range) {
    KvEffectSide side;
    side.range = range;
    side.output_per_s = telemetry::mean_interval(telemetry::output_rates(
        telemetry::rate_pieces(store, range, {.steps = false, .requests = false, .evictions = false})));
    const telemetry::LatencySamples samples = telemetry::latency_samples(store, range);
    side.ttft_ns = telemetry::mean_interval(samples.ttft_ns);
    side.tpot_ns = telemetry::mean_interval(samples.tpot_ns);
    const std::vector<DecodeStep> steps = decode_steps(store, range);
    std::vector<double> times;
    times.reserve(steps.size());
    for (const DecodeStep& step : steps) times.push_back(step.execute_ns);
    side.decode_step_ns = telemetry::mean_interval(times);
    side.fit = fit_steps(steps);
    return side;
}

}  // namespace

std::optional<KvEffect> kv_effect(const telemetry::Store& store, const ChangeEffects& effects) {
    const auto groups = group_changes(store.knob_changes());
    const uint16_t knob = effects.numbers().number(presets::KnobId::kKvCacheDtype);
    const auto last = std::find_if(groups.rbegin(), groups.rend(),
                                   [&](const ChangeGroup& group) { return group.knob == knob; });
    if (last == groups.rend()) return std::nullopt;
    const auto index = size_t(groups.rend() - last) - 1;
    const EqualRanges ranges = group_ranges(groups, index, store.now_ns(), ChangeEffects::kLongestNs);
    KvEffect effect;
    effect.change = last->number;
    effect.before = measure_side(store, store.snapped(ranges.before));
    effect.after = measure_side(store, store.snapped(ranges.after));
    effect.pays = break_even(effect.before.fit, effect.after.fit);
    return effect;
}

}  // namespace pitwall::panels
