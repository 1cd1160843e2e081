// SPDX-License-Identifier: GPL-3.0-or-later
//
// An engine over the simulated device, with everything it publishes at hand.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/engine.h"
#include "engine/exec/sim/sim_executor.h"
#include "telemetry/bus/bus.h"
#include "telemetry/bus/reader.h"
#include "tests/engine/core/event_audit.h"

namespace pitwall::engine::test {

using namespace telemetry;
using presets::KnobId;
using presets::KnobValues;

/// What one request's listener heard.
struct Answered : RequestListener {
    std::vector<TokenId> ids;
    std::string text, error;
    FinishReason reason = FinishReason::kNone;
    NumericHistory history;
    int ends = 0;
    void on_token(RequestId, TokenId token, std::string_view piece) override {
        EXPECT_EQ(ends, 0) << "a token after the end";
        ids.push_back(token);
        text += piece;
    }
    void on_numeric_history(RequestId, const NumericHistory& told) override { history = told; }
    void on_end(RequestId, FinishReason why, std::string_view tail, std::string_view what) override {
        ++ends;
        reason = why;
        text += tail;
        error = what;
    }
};

class Rig;

struct RigOptions {
    std::map<KnobId, double> knobs;
    std::string profile = "test";
    uint32_t capacity_blocks = 1 << 20, depth = 1, vocab = 997, context = 4096;
    bool verify_kv = true, keep_events = true;
    std::optional<ModelConfig> config = {};  ///< of the simulated device's model; none: tiny, with `vocab`
    const Tokenizer* tokenizer = nullptr;
    DrafterFactory drafters = make_drafter;
    std::function<DrafterFactory(Clock&)> timed_drafters = {};  ///< where given, instead: in the rig's time
    std::function<std::unique_ptr<Executor>()> executor =
        {};  ///< where given, instead of the simulated device
    std::function<std::unique_ptr<Executor>(std::unique_ptr<Executor>)> around =
        {};  ///< the simulated device
    std::function<Result<std::unique_ptr<Executor>>(Rig&, const Error&)> recovery = {};
};

inline RigOptions with(std::map<KnobId, double> knobs) {
    RigOptions options;
    options.knobs = std::move(knobs);
    return options;
}

inline GenerationRequest ask(std::vector<TokenId> prompt, uint32_t max_tokens) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    return request;
}

inline ModelConfig tiny_config(uint32_t vocab) {
    ModelConfig config;
    config.name = "tiny";
    config.num_layers = 2, config.hidden_size = 64, config.num_heads = 4, config.num_kv_heads = 2,
    config.head_dim = 16;
    config.intermediate_size = 128, config.vocab_size = vocab, config.max_context_tokens = 4096;
    return config;
}

class Rig {
  public:
    explicit Rig(const RigOptions& options) {
        KnobValues knobs;
        for (const auto& [id, value] : options.knobs) knobs.set(id, value);
        keep = options.keep_events;
        reader = bus.add_reader(Overflow::kWait, 1 << 16);
        producer = bus.add_producer();
        engine = std::make_unique<Engine>(
            options.executor ? options.executor() : simulated(options, kv_dtype_of(knobs)), options.tokenizer,
            knobs, clock, *producer, options.context,
            options.timed_drafters ? options.timed_drafters(clock) : options.drafters, recovery_of(options));
        engine->publish_start();
    }

    Answered& submit(GenerationRequest request) {
        answers.push_back(std::make_unique<Answered>());
        ids.push_back(engine->submit(std::move(request), answers.back().get()));
        return *answers.back();
    }
    Answered& submit(std::vector<TokenId> prompt, uint32_t max_tokens) {
        GenerationRequest request = ask(std::move(prompt), max_tokens);
        request.arrival_ns = clock.now_ns();
        return submit(std::move(request));
    }
    /// Takes what was published; the audit sees all of it.
    void collect() {
        const size_t before = keep ? events.size() : 0;
        if (!keep) events.clear();
        while (reader->drain(events, 1 << 20) > 0) {
        }
        audit.add(std::span(events).subspan(before));
    }
    /// Steps until nothing is left. Fails when that takes too long.
    void finish(size_t most_steps = 100000) {
        for (size_t i = 0; i < most_steps && engine->has_work(); ++i) {
            ASSERT_TRUE(engine->step());
            const Status status = engine->check_integrity();
            ASSERT_TRUE(status.ok()) << status.error().text();
            collect();
        }
        ASSERT_FALSE(engine->has_work());
        collect();
    }
    std::vector<Event> of(EventKind kind) {
        collect();
        std::vector<Event> found;
        for (const Event& e : events)
            if (e.kind == kind) found.push_back(e);
        return found;
    }

    std::unique_ptr<Executor> simulated(const RigOptions& options, KvDtype dtype) {
        SimOptions sim;
        sim.clock = &clock;
        sim.capacity_blocks = options.capacity_blocks;
        sim.depth = options.depth;
        sim.verify_kv = options.verify_kv;
        sim.kv_cache_dtype = dtype;
        auto executor =
            make_sim_executor(options.config.value_or(tiny_config(options.vocab)), options.profile, sim);
        EXPECT_TRUE(executor.ok());
        return options.around ? options.around(std::move(executor).value()) : std::move(executor).value();
    }
    ExecutorRecovery recovery_of(const RigOptions& options) {
        if (!options.recovery) return {};
        return [this, recovery = options.recovery](const Error& why) { return recovery(*this, why); };
    }

    VirtualClock clock;
    Bus bus;
    std::shared_ptr<Reader> reader;
    std::shared_ptr<Producer> producer;
    std::vector<std::unique_ptr<Answered>> answers;
    std::unique_ptr<Engine> engine;
    std::vector<RequestId> ids;
    std::vector<Event> events;
    EventAudit audit;
    bool keep = true;
};

inline std::vector<TokenId> prompt_of(uint32_t length, uint32_t seed, uint32_t vocab = 997) {
    std::vector<TokenId> tokens;
    uint64_t state = seed * 2654435761u + 1;
    for (uint32_t i = 0; i < length; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        tokens.push_back(static_cast<TokenId>((state >> 33) % vocab));
    }
    return tokens;
}

}  // namespace pitwall::engine::test
