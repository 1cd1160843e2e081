// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/core/request.h"
#include "engine/exec/executor.h"
#include "engine/spec/drafter.h"
#include "engine/tokenizer/tokenizer.h"
#include "presets/knob.h"
#include "telemetry/base/clock.h"
#include "telemetry/bus/producer.h"
#include "telemetry/control.h"

namespace pitwall::engine {

using telemetry::Answer;

/// What it keeps in memory, in bytes.
struct EngineMemory {
    uint64_t kv = 0;  ///< of the whole pool, as far as it may grow
    uint64_t weights = 0, activations = 0;
    uint64_t draft = 0;  ///< of a draft model: weights, KV in use, activations
};

/// Makes an executor in place of one whose device was lost, as `why` says; that one is gone by then. Called on the engine's
/// thread, which waits for it. An Error where there can be none.
using ExecutorRecovery = std::function<Result<std::unique_ptr<Executor>>(const Error& why)>;

/// step() = plan -> execute -> commit -> publish. Single-threaded: the one engine thread calls everything here,
/// between steps, so nothing inside needs a lock. Publishes every event through `producer`.
class Engine {
  public:
    /// `tokenizer` may be null (synthetic models): no text, no stop strings, no end tokens. `drafters` makes the drafter of
    /// a method, when the knob asks for it, and again with each new executor. Without `recovery` a lost device ends every
    /// request, and those to come are rejected.
    Engine(std::unique_ptr<Executor> executor, const Tokenizer* tokenizer, const presets::KnobValues& knobs,
           Clock& clock, telemetry::Producer& producer, uint32_t max_context_tokens,
           DrafterFactory drafters = make_drafter, ExecutorRecovery recovery = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Always gives an id, also where the request is rejected at once (then on_end has been called).
    /// `listener` may be null; it must outlive the request.
    RequestId submit(GenerationRequest request, RequestListener* listener);
    Answer cancel(RequestId request);
    Answer set_knob(presets::KnobId knob, double value, telemetry::KnobOrigin origin);
    Answer flush_prefix_cache();
    void pause();
    void resume();
    void allow_single_step();  ///< while paused, the next step() runs one step
    bool paused() const;
    /// Session time without the pauses up to then: exact back to the beginning of the last one.
    int64_t unpaused_ns(int64_t t_ns) const;

    /// Runs one step if there is work (and the engine is not paused). False: nothing was done.
    bool step();
    bool has_work() const;  ///< a request is waiting or running
    /// The earliest moment at which something happens without a new command (a time-out), or INT64_MAX.
    int64_t next_deadline_ns() const;
    /// Expires time-outs; the loop calls it when it wakes up.
    void idle_tick();
    /// With nothing to do: goes on with the quality probe of the KV format for some milliseconds. False: that has nothing
    /// to do either.
    bool probe_when_idle();
    /// The engine stood still since `since_ns` for the recorder: books it to every live request.
    void book_recorder_wait(int64_t since_ns);

    void publish_start();     ///< dictionary, start values of knobs, first keyframe
    void publish_keyframe();  ///< with the dictionary so far, for whoever attaches late
    void publish_end();       ///< cancels what is unfinished, then kSessionEnd

    /// About how many events the next step may publish, from above: what the loop asks Producer::wait_for_room() for.
    size_t next_step_events() const;

    uint64_t steps() const;
    const presets::KnobValues& effective_knobs() const;
    const DeviceInfo& device() const;  ///< until the next call that steps or changes anything
    EngineMemory memory() const;
    /// Every block is in exactly one state, reference counts match the tables, free + held + cached = pool.
    Status check_integrity() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pitwall::engine
