// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/live_session.h"

#include "telemetry/record/session_file.h"

namespace pitwall::app {

LiveSession::LiveSession(std::unique_ptr<EngineParts> parts, SessionOptions options)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      feeder_(*parts_->engine, parts_->tokenizer(), parts_->config().max_context_tokens, options_.seed),
      sampler_(*parts_->producer, parts_->kv_bytes, parts_->weight_bytes, parts_->engine->device().threads),
      control_(commands_, *parts_->engine, feeder_, parts_->tokenizer(), *parts_->clock),
      loop_({*parts_->engine, *parts_->clock, *parts_->producer, commands_, feeder_, sampler_},
            options_.duration_ns > 0 ? options_.duration_ns : INT64_MAX) {}

LiveSession::~LiveSession() { stop(); }

std::shared_ptr<telemetry::Reader> LiveSession::add_reader(telemetry::Overflow overflow,
                                                           size_t capacity_events) {
    return parts_->bus.add_reader(overflow, capacity_events);
}

void LiveSession::start() {
    if (thread_.joinable() || finished()) return;
    parts_->begin_clock();
    begun_ = std::chrono::system_clock::now();
    thread_ = std::thread([this] { run(); });
}

void LiveSession::run() {
    publish_session_facts(*parts_, options_, begun_);
    parts_->engine->publish_start();
    loop_.run();
    finished_.store(true, std::memory_order_release);
}

void LiveSession::stop() {
    loop_.ask_to_stop();
    if (thread_.joinable()) thread_.join();
    commands_.close();
    stop_recording();
    finished_.store(true, std::memory_order_release);
}

int64_t LiveSession::now_ns() const {
    // Between two turns of the loop, which a long step can keep apart, wall time goes on.
    return parts_->clock->is_virtual() || finished() ? loop_.now_ns() : parts_->clock->now_ns();
}

/// Between two steps, before this returns; false and not at all once the session has ended.
bool LiveSession::on_engine_thread(const std::function<void()>& action) {
    auto done = commands_.post([&] {
        action();
        return telemetry::Answer{};
    });
    return done.get().verdict != telemetry::Verdict::kRefused;
}

presets::KnobValues LiveSession::present_knobs() {
    presets::KnobValues knobs = options_.knobs;
    if (thread_.joinable()) on_engine_thread([&] { knobs = parts_->engine->effective_knobs(); });
    return knobs;
}

Status LiveSession::start_recording(const std::string& path, bool overwrite) {
    const std::lock_guard lock(recording_mutex_);
    const Error ended{"the session has ended: there is nothing to record", "start another"};
    if (finished()) return ended;
    if (recording_ && recording_->recorder().recording())
        return Error{"the session is being recorded already", "end that recording first"};
    recording_.reset();
    auto recording = Recording::begin(parts_->bus, path, overwrite, present_knobs());
    if (!recording.ok()) return recording.error();
    recording_ = std::move(recording).value();
    if (!thread_.joinable()) return recording_->listen(), Status();
    // One that begins in the middle is told what the others have heard: the facts, and with a keyframe all the rest.
    const bool begun = on_engine_thread([this] {
        recording_->listen();
        publish_session_facts(*parts_, options_, begun_);
        parts_->engine->publish_keyframe();
    });
    if (begun) return {};
    recording_.reset();
    telemetry::remove_session_file(path);
    return ended;
}

Status LiveSession::end_recording() {
    const std::lock_guard lock(recording_mutex_);
    return recording_ ? recording_->end() : Status();
}

void LiveSession::stop_recording() {
    const Status ended = end_recording();
    static_cast<void>(ended);  // whoever wants to know asks end_recording()
}

bool LiveSession::recording() const {
    const std::lock_guard lock(recording_mutex_);
    return recording_ && recording_->recorder().recording();
}

uint64_t LiveSession::recorded_bytes() const {
    const std::lock_guard lock(recording_mutex_);
    return recording_ ? recording_->recorder().bytes_written() : 0;
}

int64_t LiveSession::recorder_lag_ns() const {
    const std::lock_guard lock(recording_mutex_);
    return recording_ ? recording_->recorder().lag_ns() : 0;
}

Result<std::unique_ptr<Session>> open_live_session(const SessionOptions& options,
                                                   const ProgressFn& progress) {
    auto parts = assemble_engine(options, progress);
    if (!parts.ok()) return parts.error();
    auto session = std::make_unique<LiveSession>(std::move(parts).value(), options);
    if (!options.record_path.empty())
        if (auto begun = session->start_recording(options.record_path, options.overwrite); !begun.ok())
            return begun.error();
    return std::unique_ptr<Session>(std::move(session));
}

}  // namespace pitwall::app
