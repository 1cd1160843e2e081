// SPDX-License-Identifier: GPL-3.0-or-later
//
// What TTFT, TPOT, ITL, E2E and goodput mean, here and in the tools that people compare with. The same
// samples, other formulas: a switch in the window, and the reason why two tools disagree about one run.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "telemetry/store/store.h"

namespace pitwall::telemetry {

/// Whose formula. kPitwall is vLLM's `bench serve`, with arrival (the scheduled one) as the start of the clock.
enum class Formula : uint8_t { kPitwall, kVllm, kAiperf, kGuidellm, kLlmperf, kCount };
enum class Metric : uint8_t { kTtft, kTpot, kItl, kE2e, kGoodput, kCount };

/// "vLLM", "AIPerf", ...
std::string_view name(Formula formula);
/// "TTFT", ...
std::string_view name(Metric metric);
/// The formula in one line, for hover texts: "(E2E - TTFT) / (n - 1); not for n = 1". Empty where the tool has none.
std::string_view definition(Metric metric, Formula formula);

/// The stamps of one request that the formulas need; -1 where it did not happen.
struct RequestTimes {
    int64_t arrival_ns = -1, first_token_ns = -1, last_token_ns = -1, end_ns = -1;
    uint32_t output_tokens = 0;
    FinishReason reason = FinishReason::kNone;
    int64_t paused_before_first_token_ns = 0, paused_ns = 0;  ///< the second is over the whole life
    /// Ended as it should: by a stop or by its length. Only these have TPOT, ITL and E2E samples.
    bool finished() const { return reason == FinishReason::kStop || reason == FinishReason::kLength; }
    /// Ended by an error of ours: counts against goodput. A user's cancel does not.
    bool failed() const {
        return reason == FinishReason::kRejected || reason == FinishReason::kTimeout ||
               reason == FinishReason::kFailed;
    }
};
RequestTimes times_of(const RequestRow& row);

/// All in ns; nullopt where the formula gives no value to this request.
/// TTFT needs a first token only, whatever came of the request.
std::optional<double> ttft_ns(const RequestTimes& times);
std::optional<double> tpot_ns(const RequestTimes& times, Formula formula = Formula::kPitwall);
std::optional<double> e2e_ns(const RequestTimes& times, Formula formula = Formula::kPitwall);

/// Service level objectives; 0: none.
struct Slo {
    double ttft_ns = 0, tpot_ns = 0;
    bool operator==(const Slo&) const = default;
};
/// The knobs ttft_slo_ms and tpot_slo_ms as the events told them.
Slo slo_of(const Store& store);
/// Time in pause counts toward no objective. One output token has a TPOT of 0 here, as in vLLM.
bool meets_ttft(const RequestTimes& times, const Slo& slo);
bool meets_tpot(const RequestTimes& times, const Slo& slo);
/// Finished, and within every objective.
bool is_good(const RequestTimes& times, const Slo& slo);

}  // namespace pitwall::telemetry
