// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/core/cli/interrupts.h"
#include "app/core/cli/request_file.h"
#include "app/core/session/engine_parts.h"
#include "telemetry/bus/reader.h"

namespace pitwall::app {

/// "STEP:KNOB=VALUE": turned before that step.
struct ScheduledKnob {
    uint64_t step = 0;
    presets::KnobId knob{};
    double value = 0;
};
/// Sorted by step. An Error names what is wrong with which of them; knobs that are not live are refused as well.
Result<std::vector<ScheduledKnob>> parse_scheduled_knobs(const std::vector<std::string>& texts);

/// What came of one request. Times in ns of session time, -1 where it did not happen.
struct GenerationOutcome {
    std::vector<TokenId> ids;
    std::string text, error;
    engine::NumericHistory numeric_history;
    engine::FinishReason reason = engine::FinishReason::kNone;
    uint32_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
    int64_t arrival_ns = -1, first_token_ns = -1, last_token_ns = -1, end_ns = -1;
};

/// Requests through one engine on the caller's thread, knobs changed on the way. Those that replay a numeric history go
/// last and alone, one after the other, whenever they were to arrive. What came of them is taken from the
/// engine's listener (ids and text) and from its events (counts and times).
class GenerateRun final : public engine::RequestListener {
  public:
    /// Called with text as it comes, whole UTF-8 characters; may be null.
    using OnText = std::function<void(std::string_view text)>;

    GenerateRun(EngineParts& parts, std::vector<ScheduledKnob> knobs, OnText on_text);
    ~GenerateRun() override;

    /// Runs all to their end, or cancels what is left once interrupted. Outcomes in the order of `requests`.
    std::vector<GenerationOutcome> run(std::vector<FileRequest> requests, Interrupts& interrupts);

    void on_token(RequestId request, TokenId token, std::string_view text) override;
    void on_numeric_history(RequestId request, const engine::NumericHistory& history) override;
    void on_end(RequestId request, engine::FinishReason reason, std::string_view tail,
                std::string_view error) override;

  private:
    void order_by_arrival();
    bool is_due(engine::GenerationRequest& request) const;
    void submit_due();
    void turn_knobs();
    void tell_unreached() const;
    void drain_events();
    void wait_for_arrival();
    void book(const telemetry::Event& event);
    GenerationOutcome* outcome_of(RequestId request);

    EngineParts& parts_;
    std::vector<ScheduledKnob> knobs_;
    OnText on_text_;
    std::shared_ptr<telemetry::Reader> reader_;
    size_t next_knob_ = 0, next_request_ = 0;
    std::vector<FileRequest> requests_;
    std::vector<size_t> by_arrival_;  ///< indexes into requests_
    std::vector<GenerationOutcome> outcomes_;
    std::unordered_map<uint32_t, size_t> index_of_;  ///< raw(RequestId) -> index
    size_t submitting_ = SIZE_MAX;                   ///< submit() may call back before it gives the id
    std::vector<telemetry::Event> batch_;
};

}  // namespace pitwall::app
