// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panels/sql/scripted_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace pitwall::testing {

namespace {

using telemetry::RequestState;

constexpr int64_t kEndNs = 40'000'000'000;

int64_t ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

/// A large model on a slow device: steps of some 10 ms, so that a queue comes and goes within the session.
app::SessionOptions options_of_script() {
    app::SessionOptions options;
    options.model = "synthetic:llama-3.1-8b";
    options.device = "sim:l40s";
    options.seed = 7;
    for (const char* setting :
         {"workload=mix", "workload_running=false", "request_rate=8", "num_kv_blocks=160", "max_num_seqs=24",
          "workload_max_prompt_tokens=512", "max_prompt_tokens=600", "keyframe_interval_steps=500",
          "ttft_slo_ms=120", "tpot_slo_ms=12"})
        EXPECT_TRUE(options.knobs.set_from_text(setting).ok()) << setting;
    return options;
}

}  // namespace

ScriptedSession::ScriptedSession(const std::string& path, Look look)
    : look_(std::move(look)), options_(options_of_script()) {
    auto parts = app::assemble_engine(options_, nullptr);
    if (!parts.ok()) throw std::runtime_error(parts.error().text());
    parts_ = std::move(parts).value();
    feeder_ = std::make_unique<app::WorkloadFeeder>(*parts_->engine, parts_->tokenizer(),
                                                    parts_->config().max_context_tokens, options_.seed);
    sampler_ = std::make_unique<app::DeviceSampler>(*parts_->producer, *parts_->engine);
    reader_ = parts_->bus.add_reader(telemetry::Overflow::kWait, 1 << 17);
    auto recording = app::Recording::begin(parts_->bus, path, false, options_.knobs);
    if (!recording.ok()) throw std::runtime_error(recording.error().text());
    recording_ = std::move(recording).value();
    recording_->listen();
    write_script();
    write_changes();
}

void ScriptedSession::at(double second, std::function<void()> action) {
    script_.emplace(ns(second), std::move(action));
}

void ScriptedSession::write_script() {
    at(0, [this] { submit(700, 8); });  // above max_prompt_tokens: rejected before the first step
    at(10.0, [this] { parts_->engine->pause(); });
    at(10.4, [this] { parts_->engine->resume(); });
    at(13.2, [this] {
        for (int i = 0; i < 6; ++i) submit(40, 480);  // they outgrow the small pool: some are preempted
    });
    at(15.0, [this] { cancel_some(3); });
    // The device answers the same prompt with the same: drafts hold.
    at(23.8, [this] { submit(40, 120); });
    at(24.2, [this] {
        for (const uint32_t tokens : {40, 40, 40, 33, 26}) submit(tokens, 60);
    });
    at(24.5, [this] { parts_->engine->publish_keyframe(); });
    at(31.4, [this] { parts_->engine->flush_prefix_cache(); });
    for (const double second : {33.1, 35.1})  // some find the queue full, some time out
        at(second, [this] { feeder_->burst(24, parts_->clock->now_ns()); });
    for (const double second : {5.0, 14.4, 27.3, 31.05, 39.9}) at(second, [this] { this->look(); });
}

/// More than a second apart, so that each is a change of its own to the panels.
void ScriptedSession::write_changes() {
    at(0.4, [this] { knob("workload_running", "true"); });
    at(6.0, [this] { knob("max_num_batched_tokens", "96"); });
    at(13.0, [this] { knob("num_kv_blocks", "100"); });
    at(17.0, [this] { knob("enable_prefix_caching", "false"); });
    at(20.0, [this] { knob("enable_prefix_caching", "true"); });
    at(22.0, [this] { knob("ttft_slo_ms", "400"); });
    at(23.5, [this] { knob("speculative_method", "suffix"); });
    at(25.0, [this] { knob("max_num_seqs", "4"); });
    at(29.0, [this] { knob("max_num_seqs", "24"); });
    at(31.0, [this] { knob("kv_cache_dtype", "int8"); });
    at(33.0, [this] { knob("max_queue_length", "12"); });
    at(35.0, [this] { knob("request_timeout_ms", "150"); });
    at(36.5, [this] { knob("request_timeout_ms", "0"); });
    at(37.7, [this] { draft_with("synthetic:llama-3.2-1b"); });
}

void ScriptedSession::knob(std::string_view name, std::string_view value) {
    presets::KnobValues parsed;
    ASSERT_TRUE(parsed.set_from_text(std::string(name) + '=' + std::string(value)).ok()) << name;
    const presets::KnobId id = presets::find_knob(name)->id;
    const auto answer = parts_->engine->set_knob(id, parsed.get(id), telemetry::KnobOrigin::kUser);
    ASSERT_NE(answer.verdict, telemetry::Verdict::kRefused) << name << ": " << answer.reason;
}

/// As app/core/session/engine_control.cpp does it.
void ScriptedSession::draft_with(const std::string& model) {
    const Status chosen = parts_->draft_model->choose(model);
    ASSERT_TRUE(chosen.ok()) << chosen.error().text();
    app::publish_draft_model(*parts_);
    knob("speculative_method", "draft");
}

void ScriptedSession::submit(uint32_t prompt_tokens, uint32_t max_tokens) {
    engine::GenerationRequest request;
    for (uint32_t i = 0; i < prompt_tokens; ++i)
        request.prompt.push_back(static_cast<TokenId>(100 + (i * 7 + prompt_tokens) % 997));
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    request.arrival_ns = parts_->clock->now_ns();
    request.request_class = "script";
    parts_->engine->submit(std::move(request), nullptr);
}

void ScriptedSession::cancel_some(size_t requests) {
    follow();
    std::vector<RequestId> live;
    for (const auto& [id, row] : store_.requests())
        if (!row.ended()) live.push_back(id);
    for (size_t i = 0; i < std::min(requests, live.size()); ++i)
        EXPECT_EQ(parts_->engine->cancel(live[i]).verdict, telemetry::Verdict::kAccepted);
}

void ScriptedSession::play() {
    app::publish_session_facts(*parts_, options_, std::chrono::system_clock::now());
    parts_->engine->publish_start();
    while (parts_->clock->now_ns() < kEndNs) turn();
    parts_->engine->publish_end();
    parts_->producer->notify();
    const Status ended = recording_->end();
    EXPECT_TRUE(ended.ok()) << ended.error().text();
    look();
}

/// As app/core/session/engine_loop.cpp does it, with the script in place of other threads' commands.
void ScriptedSession::turn() {
    while (!script_.empty() && script_.begin()->first <= parts_->clock->now_ns()) {
        script_.begin()->second();
        script_.erase(script_.begin());
    }
    feeder_->poll(parts_->clock->now_ns());
    sampler_->poll(parts_->clock->now_ns());
    const bool stepped = parts_->engine->step();
    parts_->producer->notify();
    follow();
    parts_->producer->wait_for_room(parts_->engine->next_step_events());
    if (!stepped) idle();
}

void ScriptedSession::idle() {
    int64_t next = std::min(
        {feeder_->next_arrival_ns(), parts_->engine->next_deadline_ns(), sampler_->next_ns(), kEndNs});
    if (!script_.empty()) next = std::min(next, script_.begin()->first);
    parts_->clock->advance(std::max<int64_t>(next - parts_->clock->now_ns(), 0));
    parts_->engine->idle_tick();
}

void ScriptedSession::follow() {
    std::vector<telemetry::Event> events;
    while (reader_->drain(events, 1 << 14) > 0) {
        store_.apply(events);
        last_seq_ = events.back().seq;
        events.clear();
    }
}

void ScriptedSession::look() {
    follow();
    ASSERT_EQ(store_.events_dropped(), 0u);
    look_(store_, last_seq_);
}

}  // namespace pitwall::testing
