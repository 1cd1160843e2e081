// SPDX-License-Identifier: GPL-3.0-or-later
//
// A seeded stand-in for the engine: random sessions that keep the protocol of events (dictionary before first use,
// members before their step, causes that tile each request's life, keyframes that are true), with none of its work.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::telemetry::testing {

struct StormOptions {
    uint64_t seed = 1;
    uint32_t num_blocks = 64;
    uint32_t max_running = 6;
    uint32_t keyframe_interval_steps = 16;
    double arrivals_per_step = 0.4;
    uint32_t most_output_tokens = 24;
    bool cancels = true;
};

class EventStorm {
  public:
    using Sink = std::function<void(Event&)>;
    EventStorm(const StormOptions& options, Sink sink);

    void start();  ///< facts, names, knobs, first keyframe
    void step();   ///< one step of the engine, or a pause, or an idle stretch
    void keyframe();
    void end();  ///< cancels what is unfinished, then the session's end
    int64_t now_ns() const { return now_ns_; }
    size_t live() const { return requests_.size(); }

  private:
    enum class State { kWaiting, kRunning, kPreempted };
    struct Request {
        RequestEvent facts{};
        State state = State::kWaiting;
        int64_t admitted_ns = -1, first_token_ns = -1, last_token_ns = -1, booked_ns = 0;
        uint32_t computed = 0, preemptions = 0, target = 0;
        bool scheduled = false;
        std::vector<BlockId> table;
    };
    struct Block {
        BlockState state = BlockState::kFree;
        RequestId owner = kNoRequest;
        uint16_t filled = 0;
    };
    struct Work {
        WorkKind kind;
        uint32_t tokens, first;
    };

    uint32_t draw(uint32_t below) { return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_); }
    bool chance(double p) { return std::bernoulli_distribution(p)(random_); }
    Event make(EventKind kind, int64_t t_ns) const;
    void text(DictionaryKind kind, uint32_t id, std::string_view text);
    void fact(std::string_view text) { this->text(DictionaryKind::kSession, facts_++, text); }
    void knob(uint16_t id, ValueKind kind, KnobOrigin origin, double value);
    void mark(MarkKind kind, int64_t value);
    void phase(Request& r, RequestPhase phase, int64_t t_ns, TokenId token = -1);
    void book(Request& r, Cause cause, int64_t until_ns);
    void arrive();
    void pause();
    void end_request(RequestId id, RequestPhase phase, FinishReason reason, std::string_view error);
    bool give_blocks(Request& r, uint32_t tokens);
    void release_blocks(Request& r, bool keep_cached);
    void block_event(BlockId id, RequestId request, BlockPhase phase, uint32_t index);
    void preempt(Request& r);
    void plan(std::map<RequestId, Work>& work);
    void run_step(const std::map<RequestId, Work>& work);
    uint32_t drafts_of(RequestId request, const Work& work) const;
    void probe(const Request& r, int64_t end_ns);
    void kernels(int64_t begin_ns, int64_t execute_ns);
    void gpu();
    void commit(Request& r, const Work& work, int64_t end_ns);
    StepEvent step_event(const std::map<RequestId, Work>& work) const;

    StormOptions options_;
    Sink sink_;
    std::mt19937_64 random_;
    int64_t now_ns_ = 0;
    uint64_t steps_ = 0, keyframes_ = 0;
    uint32_t next_request_ = 1, facts_ = 0, cached_this_step_ = 0;
    std::map<RequestId, Request> requests_;
    std::vector<Block> blocks_;
    std::vector<double> knobs_;
    KeyframeCounters counters_{};
};

/// A whole session of `steps` steps; seq counts from 1.
std::vector<Event> storm_session(const StormOptions& options, size_t steps);

}  // namespace pitwall::telemetry::testing
