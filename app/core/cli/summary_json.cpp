// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/summary_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "telemetry/names.h"

namespace pitwall::app {

namespace {

using nlohmann::ordered_json;
using telemetry::SummaryFigures;

ordered_json number(double value) {
    return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}
double to_ms(double ns) { return ns / 1e6; }

ordered_json percentiles_json(const telemetry::Percentiles& p) {
    return {{"n", p.n},
            {"p50", number(to_ms(p.p50))},
            {"p95", number(to_ms(p.p95))},
            {"p99", number(to_ms(p.p99))},
            {"mean", number(to_ms(p.mean))},
            {"min", number(to_ms(p.minimum))},
            {"max", number(to_ms(p.maximum))}};
}

void add_requests(ordered_json& out, const SummaryFigures& f) {
    out["requests"] = f.requests;
    out["finished"] = f.finished;
    out["stopped"] = f.stopped;
    out["length"] = f.length;
    out["cancelled"] = f.cancelled;
    out["rejected"] = f.rejected;
    out["timed_out"] = f.timed_out;
    out["failed"] = f.failed;
    out["unfinished"] = f.unfinished;
    out["prompt_tokens"] = f.prompt_tokens;
    out["output_tokens"] = f.output_tokens;
    out["duration_s"] = static_cast<double>(f.duration_ns) / 1e9;
    out["output_tokens_per_s"] = number(f.output_tokens_per_s);
    out["prefill_tokens_per_s"] = number(f.prefill_tokens_per_s);
    out["requests_per_s"] = number(f.requests_per_s);
}

void add_latencies(ordered_json& out, const SummaryFigures& f) {
    out["ttft_ms"] = percentiles_json(f.ttft_ns);
    out["tpot_ms"] = percentiles_json(f.tpot_ns);
    out["e2e_ms"] = percentiles_json(f.e2e_ns);
    out["slo"] = {{"ttft_ms", to_ms(f.slo.ttft_ns)}, {"tpot_ms", to_ms(f.slo.tpot_ns)}};
    out["good"] = f.good;
    out["goodput_per_s"] = number(f.goodput_per_s);
    out["good_fraction"] = number(f.good_fraction);
}

void add_engine(ordered_json& out, const SummaryFigures& f) {
    out["admissions"] = f.admissions;
    out["cached_tokens"] = f.cached_tokens;
    out["hit_rate"] = number(f.hit_rate);
    out["preemptions"] = f.preemptions;
    out["evictions"] = f.evictions;
    out["steps"] = {{"count", f.steps.steps},
                    {"prefill_tokens", f.steps.prefill_tokens},
                    {"recompute_tokens", f.steps.recompute_tokens},
                    {"decode_tokens", f.steps.decode_tokens},
                    {"draft_tokens", f.steps.draft_tokens},
                    {"busy_s", static_cast<double>(f.steps.duration_ns) / 1e9},
                    {"mean_running", number(f.steps.mean(f.steps.running))},
                    {"mean_waiting", number(f.steps.mean(f.steps.waiting))},
                    {"mean_occupancy", number(f.steps.mean(f.steps.occupancy))},
                    {"mean_slot_fill", number(f.steps.mean_slot_fill())},
                    {"flops", number(f.steps.flops)},
                    {"bytes", number(f.steps.bytes)}};
    out["speculation"] = {{"drafted_tokens", f.drafted_tokens},
                          {"accepted_tokens", f.accepted_tokens},
                          {"acceptance_rate", number(f.acceptance_rate)},
                          {"drafted_steps", f.drafted_steps},
                          {"tokens_per_drafted_step", number(f.tokens_per_drafted_step)}};
    for (size_t i = 0; i < f.cause_ns.size(); ++i)
        out["cause_ms"][std::string(telemetry::name(static_cast<telemetry::Cause>(i)))] =
            to_ms(static_cast<double>(f.cause_ns[i]));
    out["knob_changes"] = f.knob_changes;
    out["dropped_events"] = f.dropped_events;
    out["complete"] = f.complete;
}

std::string ms_text(double ns) { return std::isfinite(ns) ? fmt::format("{:.0f} ms", to_ms(ns)) : "-"; }

}  // namespace

ordered_json summary_json(const telemetry::SessionSummary& summary) {
    const SummaryFigures figures = summary.figures();
    ordered_json out;
    add_requests(out, figures);
    add_latencies(out, figures);
    add_engine(out, figures);
    for (const auto& [key, value] : summary.facts()) out["session"][key] = value;
    return out;
}

std::string summary_line(const SummaryFigures& now, const SummaryFigures& second_ago) {
    const double seconds = static_cast<double>(now.duration_ns - second_ago.duration_ns) / 1e9;
    const auto rate = [&](uint64_t after, uint64_t before) {
        return seconds > 0 ? static_cast<double>(after - before) / seconds : 0;
    };
    return fmt::format(
        "{:6.1f} s  requests {} ({} done)  output {:.0f} tok/s  prefill {:.0f} tok/s  TTFT p50 {} p95 {}  "
        "TPOT p50 {}  hit rate {}",
        static_cast<double>(now.duration_ns) / 1e9, now.requests, now.finished,
        rate(now.output_tokens, second_ago.output_tokens),
        rate(now.steps.prefill_tokens, second_ago.steps.prefill_tokens), ms_text(now.ttft_ns.p50),
        ms_text(now.ttft_ns.p95), ms_text(now.tpot_ns.p50),
        std::isfinite(now.hit_rate) ? fmt::format("{:.0f} %", 100 * now.hit_rate) : "-");
}

}  // namespace pitwall::app
