// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/attribution.h"
#include "engine/core/live_request.h"
#include "engine/kv/kv_cache.h"
#include "telemetry/bus/producer.h"
#include "telemetry/event.h"

namespace pitwall::engine {

/// Writes the engine's changes as events. Everything between two set_time() bears one stamp, for it is one moment: the
/// start of a step, or the collection of its results.
class EventWriter final : public BlockObserver, public CauseSink {
  public:
    explicit EventWriter(telemetry::Producer& producer) : producer_(producer) {}

    void set_time(int64_t t_ns) { t_ns_ = t_ns; }
    int64_t time_ns() const { return t_ns_; }
    void set_kv_dtype(telemetry::KvDtype dtype) { kv_dtype_ = dtype; }
    void set_step(uint64_t step_id) { step_id_ = step_id; }
    uint64_t published() const { return published_; }

    void text(telemetry::DictionaryKind kind, uint32_t id, std::string_view text);
    void request(const LiveRequest& request, telemetry::RequestPhase phase,
                 FinishReason reason = FinishReason::kNone, TokenId token = -1,
                 telemetry::TokenOrigin origin = telemetry::TokenOrigin::kPlain);
    void member(uint64_t step_id, const Sequence& sequence, telemetry::WorkKind work, uint32_t first_position,
                uint32_t tokens);
    void step(int64_t start_ns, const telemetry::StepEvent& step);
    void draft(const telemetry::DraftEvent& draft);
    void kernels(const telemetry::KernelsEvent& kernels);
    void knob(const telemetry::KnobEvent& knob);
    void probe(const telemetry::ProbeEvent& probe);
    void mark(telemetry::MarkKind mark, int64_t value);
    void keyframe(const telemetry::KeyframeEvent& part);
    void on_block(const Change& change, const Block& now) override;
    void on_cause(RequestId request, Cause cause, int64_t start_ns, int64_t duration_ns,
                  uint64_t step_id) override;

  private:
    void publish(telemetry::Event& event, telemetry::EventKind kind, int64_t t_ns);

    telemetry::Producer& producer_;
    telemetry::KvDtype kv_dtype_ = telemetry::KvDtype::kF16;  ///< of every block
    int64_t t_ns_ = 0;
    uint64_t step_id_ = 0, published_ = 0;
};

}  // namespace pitwall::engine
