// SPDX-License-Identifier: GPL-3.0-or-later
//
// The summary of a session from its events alone: no clock, no engine. So a replay of the recording gives the very
// figures that the run gave.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "telemetry/event.h"
#include "telemetry/stats/metrics.h"
#include "telemetry/stats/quantile.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::telemetry {

/// What `--summary` prints. Ratios without a denominator are NaN: print them as null.
struct SummaryFigures {
    // requests; their sum over the ends is `requests` once the session has ended
    uint64_t requests = 0, finished = 0, stopped = 0, length = 0;  ///< finished = stopped + length
    uint64_t rejected = 0, cancelled = 0, timed_out = 0, failed = 0, unfinished = 0;
    uint64_t prompt_tokens = 0, output_tokens = 0;  ///< over all requests, however they ended
    uint64_t preemptions = 0;

    int64_t duration_ns = 0;  ///< from the first event to the end of the last
    double output_tokens_per_s = 0, prefill_tokens_per_s = 0, requests_per_s = 0;  ///< finished requests

    Percentiles ttft_ns{}, tpot_ns{}, e2e_ns{};  ///< samples as stats/metrics.h defines them
    double goodput_per_s = 0;  ///< requests within the objectives in force at their end / duration
    double good_fraction = 0;  ///< of finished and failed
    uint64_t good = 0;
    Slo slo;  ///< in force at the end

    uint64_t admissions = 0, admitted_prompt_tokens = 0, cached_tokens = 0;
    double hit_rate = 0;  ///< cached / prompt tokens of the requests that were scheduled
    uint64_t evictions = 0;

    uint64_t drafted_steps = 0;  ///< summed over sequences: how often one verified drafts
    uint64_t drafted_tokens = 0, accepted_tokens = 0;
    uint64_t speculated_tokens = 0;      ///< handed out by those: accepted ones, and what followed them
    double acceptance_rate = 0;          ///< accepted / drafted
    double tokens_per_drafted_step = 0;  ///< of one sequence; 1 is what it gets without a draft

    StepSums steps;  ///< with the means over all steps, see range_stats.h
    std::array<int64_t, static_cast<size_t>(Cause::kCount)> cause_ns{};  ///< summed over requests

    uint64_t knob_changes = 0;
    uint64_t dropped_events = 0;  ///< left out of what was summed: told by gaps, or by note_dropped()
    bool complete = false;        ///< the session's end was seen
};

/// Accumulates; memory is three numbers a request (exact quantiles need the samples) and little a live one.
class SessionSummary {
  public:
    void apply(std::span<const Event> events);
    void note_dropped(uint64_t events) { figures_.dropped_events += events; }
    /// The figures so far. May be called at any time, also for a live text summary.
    SummaryFigures figures() const;
    /// What v_session holds: model, device, seed ... in order of key.
    const std::map<std::string, std::string>& facts() const { return facts_; }

  private:
    struct Live {
        RequestTimes times;
        uint32_t prompt_tokens = 0, cached_tokens = 0;
        uint32_t output_before = 0;  ///< handed out before the first event: not this recording's
        bool scheduled = false;
    };
    void apply_request(const Event& event);
    void end_request(const Live& live);
    void apply_cause(const Event& event);
    void apply_knob(const KnobEvent& e);
    void apply_dictionary(const DictionaryEvent& e);
    void apply_mark(const MarkEvent& e);
    void apply_keyframe(const KeyframeEvent& e);
    static void add_tokens(SummaryFigures& figures, const Live& live);
    void read_objectives();
    double knob_value(std::string_view name) const;

    SummaryFigures figures_;
    std::unordered_map<RequestId, Live> live_;
    std::vector<double> ttft_ns_, tpot_ns_, e2e_ns_;
    std::unordered_map<uint64_t, std::string> texts_;  ///< names of knobs, and facts under way
    std::unordered_map<uint32_t, double> knobs_;       ///< effective values
    std::map<std::string, std::string> facts_;
    Slo slo_;
    uint32_t block_tokens_ = 16;
    bool begun_ = false;
    int64_t first_ns_ = 0, last_ns_ = 0;
};

}  // namespace pitwall::telemetry
