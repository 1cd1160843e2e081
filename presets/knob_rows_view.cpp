// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

constexpr Spelling kOurs{.note = "concerns Pitwall's own recording and views"};

KnobSpec view_row(KnobId id, std::string_view name, KnobType type, std::string_view help) {
    return {.id = id,
            .name = name,
            .group = "view",
            .type = type,
            .effect = KnobEffect::kView,
            .help = help,
            .vllm = kOurs,
            .sglang = kOurs,
            .tensorrt_llm = kOurs,
            .llama_server = kOurs};
}

KnobSpec record_text() {
    KnobSpec row = view_row(KnobId::kRecordText, "record_text", KnobType::kBoolean,
                            "Off leaves the text of prompts and answers out of the events, and so out of "
                            "recordings and panels, from then on.");
    row.maximum = 1, row.default_value = 1;
    return row;
}

KnobSpec record_overflow() {
    KnobSpec row = view_row(KnobId::kRecordOverflow, "record_overflow", KnobType::kChoice,
                            "When the recorder's queue is full: the engine waits between steps, or events "
                            "are left out and a record "
                            "tells the exact count. Holds from the next recording on.");
    row.choices = {"wait", "gap"};
    row.maximum = 1;
    return row;
}

KnobSpec keyframe_interval_steps() {
    KnobSpec row =
        view_row(KnobId::kKeyframeIntervalSteps, "keyframe_interval_steps", KnobType::kInteger,
                 "Steps between keyframes (all blocks, requests and knobs), from which a replay seeks.");
    row.unit = "steps";
    row.minimum = 16, row.maximum = 1000000, row.default_value = 512, row.step = 16, row.logarithmic = true;
    return row;
}

KnobSpec kv_quality_probe() {
    KnobSpec row = view_row(
        KnobId::kKvQualityProbe, "kv_quality_probe", KnobType::kBoolean,
        "While kv_cache_dtype is not f16, compares it with f16 on pieces of requests' texts, none twice: "
        "of running requests in up to 2 % of the time, of the last 16 finished ones in idle time.");
    row.maximum = 1, row.default_value = 1;
    return row;
}

KnobSpec slo(KnobId id, std::string_view name, double default_ms, std::string_view help) {
    KnobSpec row = view_row(id, name, KnobType::kReal, help);
    row.unit = "ms";
    row.minimum = 0.01, row.maximum = 3600000, row.default_value = default_ms, row.logarithmic = true;
    return row;
}

KnobSpec scratch_recording() {
    KnobSpec row =
        view_row(KnobId::kScratchRecording, "scratch_recording", KnobType::kBoolean,
                 "In the window, record every session to a scratch file from its first event on, so that "
                 "it can be saved afterwards; the file goes when the session ends.");
    row.maximum = 1, row.default_value = 1;
    row.live = false, row.reload_reason = "it begins with the session's first event";
    return row;
}

}  // namespace

void add_view(std::vector<KnobSpec>& table) {
    table.push_back(record_text());
    table.push_back(record_overflow());
    table.push_back(keyframe_interval_steps());
    table.push_back(slo(KnobId::kTtftSloMs, "ttft_slo_ms", 1000,
                        "A request meets its objective when its first token comes within this time of its "
                        "arrival; goodput counts "
                        "the requests that meet both objectives."));
    table.push_back(
        slo(KnobId::kTpotSloMs, "tpot_slo_ms", 100,
            "A request meets its objective when the mean gap between its output tokens is at most this."));
    table.push_back(scratch_recording());
    table.push_back(kv_quality_probe());
}

}  // namespace pitwall::presets::rows
