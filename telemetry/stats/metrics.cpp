// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/stats/metrics.h"

#include <array>

namespace pitwall::telemetry {

namespace {

constexpr size_t kFormulas = static_cast<size_t>(Formula::kCount);
constexpr size_t kMetrics = static_cast<size_t>(Metric::kCount);

// n = output tokens, t0 = arrival, t1 = first token, tn = last token.
constexpr std::string_view kNone = "";
constexpr std::string_view kTtft = "t1 - t0: first token - arrival";
constexpr std::string_view kPerGap = "(tn - t1) / (n - 1), one value a request; none for n = 1";
constexpr std::string_view kPerToken = "(tn - t0) / n: with the first token and its prefill";
constexpr std::string_view kPooled = "every gap between chunks of all requests, pooled";
constexpr std::string_view kToEnd = "end - t0";
constexpr std::string_view kToLast = "tn - t0: last token - arrival";
constexpr std::string_view kGoodput = "finished requests within every objective / duration";

constexpr std::array<std::array<std::string_view, kFormulas>, kMetrics> kDefinitions{{
    // Pitwall, vLLM, AIPerf, GuideLLM, llmperf
    {kTtft, kTtft, kTtft, kTtft, kTtft},
    {kPerGap, kPerGap, kPerGap, kPerToken, kPerToken},
    {kPooled, kPooled, kPerGap, kPerGap, kPerToken},
    {kToEnd, kToLast, kToLast, kToEnd, kToEnd},
    {kGoodput, kGoodput, "good requests / duration; as a fraction good / (finished + failed)", kNone, kNone},
}};

std::optional<double> per_gap(const RequestTimes& t) {
    if (t.output_tokens < 2 || t.first_token_ns < 0) return std::nullopt;
    return static_cast<double>(t.last_token_ns - t.first_token_ns) / (t.output_tokens - 1);
}

std::optional<double> per_token(const RequestTimes& t) {
    if (t.output_tokens < 1 || t.first_token_ns < 0) return std::nullopt;
    return static_cast<double>(t.last_token_ns - t.arrival_ns) / t.output_tokens;
}

}  // namespace

std::string_view name(Formula formula) {
    constexpr std::array<std::string_view, kFormulas> kNames{"Pitwall", "vLLM", "AIPerf", "GuideLLM",
                                                             "llmperf"};
    return formula < Formula::kCount ? kNames[static_cast<size_t>(formula)] : kNone;
}

std::string_view name(Metric metric) {
    constexpr std::array<std::string_view, kMetrics> kNames{"TTFT", "TPOT", "ITL", "E2E", "goodput"};
    return metric < Metric::kCount ? kNames[static_cast<size_t>(metric)] : kNone;
}

std::string_view definition(Metric metric, Formula formula) {
    if (metric >= Metric::kCount || formula >= Formula::kCount) return kNone;
    return kDefinitions[static_cast<size_t>(metric)][static_cast<size_t>(formula)];
}

RequestTimes times_of(const RequestRow& row) {
    return {row.arrival_ns,
            row.first_token_ns,
            row.last_token_ns,
            row.end_ns,
            row.output_tokens,
            row.finish_reason,
            row.paused_before_first_token_ns,
            row.cause_ns[static_cast<size_t>(Cause::kPaused)]};
}

std::optional<double> ttft_ns(const RequestTimes& times) {
    if (times.first_token_ns < 0) return std::nullopt;
    return static_cast<double>(times.first_token_ns - times.arrival_ns);
}

std::optional<double> tpot_ns(const RequestTimes& times, Formula formula) {
    if (!times.finished()) return std::nullopt;
    const bool with_first = formula == Formula::kGuidellm || formula == Formula::kLlmperf;
    return with_first ? per_token(times) : per_gap(times);
}

std::optional<double> e2e_ns(const RequestTimes& times, Formula formula) {
    if (!times.finished() || times.end_ns < 0) return std::nullopt;
    const bool to_last = formula == Formula::kVllm || formula == Formula::kAiperf;
    if (to_last && times.last_token_ns < 0) return std::nullopt;
    return static_cast<double>((to_last ? times.last_token_ns : times.end_ns) - times.arrival_ns);
}

Slo slo_of(const Store& store) {
    return {store.knob_value("ttft_slo_ms", 0) * 1e6, store.knob_value("tpot_slo_ms", 0) * 1e6};
}

bool meets_ttft(const RequestTimes& times, const Slo& slo) {
    if (slo.ttft_ns <= 0) return true;
    const auto ttft = ttft_ns(times);
    return ttft && *ttft - static_cast<double>(times.paused_before_first_token_ns) <= slo.ttft_ns;
}

bool meets_tpot(const RequestTimes& times, const Slo& slo) {
    if (slo.tpot_ns <= 0 || times.output_tokens < 2) return true;
    const int64_t paused = times.paused_ns - times.paused_before_first_token_ns;
    return static_cast<double>(times.last_token_ns - times.first_token_ns - paused) <=
           slo.tpot_ns * (times.output_tokens - 1);
}

bool is_good(const RequestTimes& times, const Slo& slo) {
    return times.finished() && meets_ttft(times, slo) && meets_tpot(times, slo);
}

}  // namespace pitwall::telemetry
