// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small chat workload over a paged pool, told in events as an engine tells them: shared system prompts, prefix hits,
// eviction, chunked prefill beside decodes, causes that tile each request's time. What the pictures show and what the
// tests count comes from here. The same seed gives the same events.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::testing {

struct SceneOptions {
    uint32_t seed = 18, blocks = 3072, budget = 256, max_seqs = 24;
    double arrivals_per_s = 4;
    double change_at_s = 1e9;  ///< when max_num_batched_tokens goes from 3 * budget to budget
};

class Scene {
  public:
    using Event = telemetry::Event;
    explicit Scene(SceneOptions options = {});
    /// The events of the next `seconds`; the first call begins with a keyframe, knobs and the dictionary.
    std::vector<Event> run(double seconds);
    double now_s() const { return now_; }

  private:
    struct Request {
        uint32_t id = 0, conversation = 0, prompt = 0, out = 0, done = 0, made = 0, cached = 0;
        int64_t arrival_ns = 0, told_ns = 0;
        bool scheduled = false;
        std::vector<uint32_t> blocks;
        uint32_t computed() const { return done + made; }
    };
    struct Conversation {
        uint32_t system, turns, tokens;
        double ready;
    };
    struct Block {
        std::set<uint32_t> owners;
        uint32_t filled = 0;
        uint64_t key = 0;
    };
    struct Work {
        Request* request;
        telemetry::WorkKind kind;
        uint32_t tokens, first;
    };

    Event& add(telemetry::EventKind kind, double at_s);
    void text(telemetry::DictionaryKind kind, uint32_t id, const std::string& text);
    void begin();
    void knob(uint16_t id, const char* name, double old_value, double value, bool start);
    void arrive();
    void step();
    std::vector<Work> plan();
    void admit(Request& request, uint32_t& left, std::vector<Work>& work);
    void commit(const std::vector<Work>& work, double start, double ms);
    void causes(const std::vector<Work>& work, double start, double ms, double prefill_ms, double decode_ms);
    void cause(Request& request, telemetry::Cause cause, int64_t until_ns);
    void grow(Request& request);
    void finish(Request& request);
    uint64_t key(const Request& request, uint32_t index) const;
    uint32_t take(const Request& request, uint32_t index);
    bool hit(Request& request, uint32_t index);
    void tell_block(uint32_t block, uint32_t request, telemetry::BlockPhase phase, uint32_t index);
    void tell_request(const Request& request, telemetry::RequestPhase phase);
    size_t room() const { return free_.size() + lru_.size(); }

    SceneOptions options_;
    std::mt19937 random_;
    std::vector<Event> out_;
    double now_ = 0, next_arrival_ = .3;
    uint64_t step_ = 0;
    uint32_t budget_, next_request_ = 1, step_cached_ = 0;
    bool begun_ = false;
    std::vector<Conversation> conversations_;
    std::list<Request> waiting_, running_;
    std::vector<Block> blocks_;
    std::set<uint32_t> free_;
    std::deque<uint32_t> lru_;
    std::map<uint64_t, uint32_t> index_;
};

}  // namespace pitwall::testing
