// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <unordered_map>

#include "app/core/workload/arrival_gaps.h"
#include "app/core/workload/prompt_generator.h"
#include "engine/core/engine.h"

namespace pitwall::app {

/// Sends the workload's requests to the engine as the workload knobs say; a knob turned holds from the next arrival on.
/// The schedule stands still while the engine is paused: a console left so overnight has no queue in the morning.
/// Belongs to the engine thread, and must outlive the engine's requests.
class WorkloadFeeder final : public engine::RequestListener {
  public:
    WorkloadFeeder(engine::Engine& engine, const engine::Tokenizer& tokenizer, uint32_t max_context_tokens,
                   uint64_t seed);

    /// Submits what was scheduled to arrive up to now, or where that is too much at a time the earliest of it.
    void poll(int64_t session_ns);
    /// The next scheduled arrival, in the past where poll() left some; INT64_MAX where none is: stopped, or a closed loop
    /// that waits for answers.
    int64_t next_arrival_ns() const;
    /// The next scheduled arrival comes now: what a single step of an engine that has nothing to do is to run.
    void hasten(int64_t session_ns);
    /// So many arrivals at once, whatever the schedule. With the workload `none` they are those of `mix`.
    void burst(uint32_t requests, int64_t now_ns);

    void on_token(RequestId request, TokenId token, std::string_view text) override;
    void on_end(RequestId request, engine::FinishReason reason, std::string_view tail,
                std::string_view error) override;

  private:
    /// What an open loop's schedule depends on; when it changes the schedule begins anew.
    struct Schedule {
        presets::ArrivalProcess process;
        double rate_per_s, shape;
        uint32_t group;  ///< arrivals at one moment
        bool on;
        bool operator==(const Schedule&) const = default;
    };
    struct InFlight {
        ConversationId conversation;
        std::string answer;
    };

    Schedule schedule() const;
    WorkloadKind kind() const;
    int64_t gap_ns();
    void poll_open(int64_t now_ns);
    void poll_closed(int64_t now_ns);
    void submit_one(WorkloadKind kind, int64_t arrival_ns);
    uint32_t prompt_limit(uint32_t max_tokens) const;

    engine::Engine& engine_;
    const engine::Tokenizer& tokenizer_;
    uint32_t max_context_tokens_;
    WorkloadTexts texts_;
    PromptGenerator prompts_;
    ArrivalGaps gaps_;
    Schedule last_{};
    int64_t next_arrival_ns_ = INT64_MAX;               ///< in time that was not paused
    int64_t paused_ns_ = 0;                             ///< of session time, up to the last poll
    std::unordered_map<uint32_t, InFlight> in_flight_;  ///< by raw(RequestId)
    bool ended_in_submit_ = false;                      ///< on_end came before submit() gave the id
};

}  // namespace pitwall::app
