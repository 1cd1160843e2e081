// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/ids.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

enum class Verdict : uint8_t { kAccepted, kClamped, kRefused };

/// How a command was taken. `reason` is a sentence where the verdict is not kAccepted.
struct Answer {
    Verdict verdict = Verdict::kAccepted;
    std::string reason;
    double effective_value = 0;      ///< of a knob, after the change
    RequestId request = kNoRequest;  ///< of a submit
};

/// One prompt as a person or a workload sends it. Exactly one of `messages` and `prompt` is given.
struct ChatMessage {
    std::string role, content;
};
struct PromptSpec {
    std::vector<ChatMessage> messages;  ///< rendered with the model's chat template
    std::string prompt;                 ///< plain text
    std::string request_class = "prompt";
    uint32_t max_tokens = 0;  ///< 0: the knob default_max_tokens
    float temperature = 0, top_p = 1, min_p = 0, repetition_penalty = 1;
    int32_t top_k = 0, priority = 0;
    uint64_t seed = 0;
    std::vector<std::string> stop;
};

/// What a panel, a script or a gateway may ask of whatever produces the events: a live engine, a replay (which
/// refuses in words) or a remote engine. Callable from any thread; commands are applied between two steps, and the
/// future is ready then. What changed is told by events as well: nobody has to look at the answer to stay right.
class Control {
  public:
    virtual ~Control() = default;
    virtual std::future<Answer> submit(PromptSpec prompt) = 0;
    virtual std::future<Answer> cancel(RequestId request) = 0;
    /// `value` as the command line spells it: "256", "off", "priority".
    virtual std::future<Answer> set_knob(std::string_view name, std::string_view value) = 0;
    /// Loads a model that drafts (FILE or synthetic:SHAPE), in place of the one before, and turns speculative_method to
    /// draft. Refused, and nothing changed, where it cannot be read or has another vocabulary. Weights are read while requests run.
    virtual std::future<Answer> load_draft_model(std::string model) = 0;
    virtual std::future<Answer> flush_prefix_cache() = 0;
    virtual std::future<Answer> pause() = 0;
    virtual std::future<Answer> resume() = 0;
    virtual std::future<Answer> single_step() = 0;
    virtual std::future<Answer> burst(uint32_t requests) = 0;  ///< that many arrivals of the workload at once
    virtual std::future<Answer> request_keyframe() = 0;
};

/// The replay's own controls; null in a live session.
class ReplayControl {
  public:
    virtual ~ReplayControl() = default;
    virtual int64_t begin_ns() const = 0;
    virtual int64_t end_ns() const = 0;
    virtual void seek(int64_t t_ns) = 0;  ///< nearest keyframe before, then replay up to t_ns
    virtual void play(double speed) = 0;  ///< 0 pauses
    virtual double speed() const = 0;
    /// Those of the whole recording, also of what has not been played yet, numbered as a store numbers them.
    virtual std::span<const KnobChange> knob_changes() const { return {}; }
};

}  // namespace pitwall::telemetry
