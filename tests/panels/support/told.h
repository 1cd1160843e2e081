// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that was told events by hand. Times in milliseconds of session time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "presets/knob.h"
#include "telemetry/event.h"
#include "telemetry/store/store.h"

namespace pitwall::testing {

inline constexpr int64_t kMs = 1'000'000;

class Told {
  public:
    Told();  ///< tells every knob's default as its start value

    telemetry::Store store;

    void start(presets::KnobId knob, double value);
    struct Change {
        telemetry::KnobOrigin origin = telemetry::KnobOrigin::kUser;
        telemetry::KnobBound bound = telemetry::KnobBound::kNone;
        int64_t pause_ns = 0;
        std::optional<double> asked = {};  ///< where it is not what came of it
    };
    void knob(int64_t t_ms, presets::KnobId knob, double old_value, double value) {
        this->knob(t_ms, knob, old_value, value, Change{});
    }
    void knob(int64_t t_ms, presets::KnobId knob, double old_value, double value, Change change);

    struct Request {
        int64_t arrival_ms = 0, scheduled_ms = 0, first_token_ms = 0, end_ms = 0;
        uint32_t prompt = 100, cached = 0, output = 2;
        telemetry::MissReason miss = telemetry::MissReason::kNone;
        telemetry::FinishReason reason = telemetry::FinishReason::kStop;
    };
    /// Tokens are spread evenly from first token to end. An end of -1: it still runs. Gives its number.
    RequestId request(const Request& request);
    /// One that ran from arrival to end with these latencies and two output tokens.
    RequestId with_latency(int64_t end_ms, double ttft_ms, double tpot_ms);
    struct Step {
        uint32_t prefill = 0, decode = 0, running = 0, waiting = 0;
    };
    void step(int64_t t_ms, const Step& step);
    /// A keyframe of a session that has made so many steps: the first thing told, a recording begun in its middle.
    void keyframe(int64_t t_ms, uint64_t steps);
    /// A keyframe that says this of a knob, and nothing of others.
    void keyframe(int64_t t_ms, const telemetry::KeyframeKnob& knob);
    void evicted(int64_t t_ms, uint32_t blocks);
    /// "kernel_tier=simulated".
    void fact(std::string_view text) { this->text(telemetry::DictionaryKind::kSession, 0, text); }
    void mark(int64_t t_ms, telemetry::MarkKind mark, int64_t value);
    /// From now on nothing is told until release(), which tells what comes before that moment, in the order of time: what
    /// a live session looks like in the middle of requests.
    void hold() { holding_ = true; }
    void release(int64_t t_ms);
    /// Lets time pass without anything: one empty step.
    void until(int64_t t_ms) { step(t_ms, {}); }

  private:
    void tell(const telemetry::Event& event) {
        if (holding_) return held_.push_back(event);
        store.apply({&event, 1});
    }
    void part(int64_t t_ms, const telemetry::KeyframeEvent& part);
    void text(telemetry::DictionaryKind kind, uint32_t id, std::string_view text);

    bool holding_ = false;
    std::vector<telemetry::Event> held_;
    uint32_t next_request_ = 1;
    uint64_t next_step_ = 0;
};

}  // namespace pitwall::testing
