// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kv/numeric_history.h"
#include "engine/sample/sampling_params.h"
#include "telemetry/base/ids.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::FinishReason;

/// One request, tokenized. What a user, a file or a workload asks for.
struct GenerationRequest {
    std::vector<TokenId> prompt;  ///< at least one token
    std::string prompt_text;      ///< for the recording; may be empty
    SamplingParams sampling;
    uint32_t max_tokens = 0;  ///< 0: the knob default_max_tokens
    uint32_t min_tokens = 0;  ///< no end token before that many
    bool ignore_eos = false;
    std::vector<std::string> stop;
    int32_t priority = 0;    ///< lower goes first, as in vLLM
    int64_t timeout_ns = 0;  ///< from arrival, paused time not counted; 0: the knob request_timeout_ms
    int64_t arrival_ns = 0;  ///< scheduled arrival, session time; not later than the submit
    std::string request_class = "prompt";
    /// Replays this one, converting the whole cache on its way; other requests see that. One such request at a time.
    NumericHistory numeric_history;
};

/// Hears of one request's progress. Called on the engine thread, between steps; must return quickly.
class RequestListener {
  public:
    virtual ~RequestListener() = default;
    /// `text` is whole UTF-8 characters, may be empty when the token ends within one.
    virtual void on_token(RequestId /*request*/, TokenId /*token*/, std::string_view /*text*/) {}
    /// Just before the end, of all that were admitted.
    virtual void on_numeric_history(RequestId /*request*/, const NumericHistory& /*history*/) {}
    /// The last call. `tail` is text held back till now; `error` is a sentence unless reason is kStop or kLength.
    virtual void on_end(RequestId /*request*/, FinishReason /*reason*/, std::string_view /*tail*/,
                        std::string_view /*error*/) {}
};

}  // namespace pitwall::engine
