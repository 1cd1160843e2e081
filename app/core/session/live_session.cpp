// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/live_session.h"

#include <filesystem>

#include "telemetry/record/session_copy.h"
#include "telemetry/record/session_file.h"
#include "telemetry/record/session_query.h"

namespace pitwall::app {

namespace {

/// Until what was published by now is in the file: a batch, unless the disk is slow.
void wait_for(const telemetry::Recorder& recorder, uint64_t seq) {
    constexpr std::chrono::milliseconds kLongest(1000), kLook(5);
    const auto until = std::chrono::steady_clock::now() + kLongest;
    while (recorder.recording() && recorder.safe_seq() < seq && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(kLook);
}

}  // namespace

LiveSession::LiveSession(std::unique_ptr<EngineParts> parts, SessionOptions options)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      feeder_(*parts_->engine, parts_->tokenizer(), parts_->config().max_context_tokens, options_.seed),
      sampler_(*parts_->producer, *parts_->engine),
      control_(commands_, *parts_, feeder_),
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
    remove_scratch();
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
    recording_path_ = path;
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
    const std::lock_guard copied(copying_mutex_);
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

// ------------------------------------------------------------------------------------------------ scratch

void LiveSession::begin_scratch() {
    auto begun = ScratchRecording::begin(parts_->bus, options_.scratch_folder, options_.scratch_most_bytes,
                                         options_.knobs);
    if (begun.ok())
        scratch_ = std::move(begun).value();
    else
        scratch_trouble_ = begun.error();
}

void LiveSession::remove_scratch() {
    const std::lock_guard copied(copying_mutex_);
    if (scratch_) save_failed_ ? scratch_->keep() : scratch_->remove();
}

ScratchState LiveSession::scratch() const {
    if (scratch_) return scratch_->state();
    ScratchState none;
    none.trouble = scratch_trouble_;
    return none;
}

/// The scratch file wherever there is one: it alone begins with the session, and a recording is a file of its own.
LiveSession::Kept LiveSession::kept() const {
    if (scratch_ && !scratch_->path().empty()) return {scratch_->path(), &scratch_->recorder(), nullptr};
    const std::lock_guard lock(recording_mutex_);
    if (recording_ && recording_->recorder().recording())
        return {recording_path_, &recording_->recorder(), recording_};
    return {};
}

/// Under copying_mutex_, as kept().
bool LiveSession::is_own_file(const std::string& path) const {
    const std::lock_guard lock(recording_mutex_);
    std::error_code none;
    const bool recorded = recording_ && recording_->recorder().recording();
    return (recorded && std::filesystem::equivalent(path, recording_path_, none)) ||
           (scratch_ && std::filesystem::equivalent(path, scratch_->path(), none));
}

Result<SavedSession> LiveSession::save_so_far(const std::string& path, bool overwrite) {
    const std::lock_guard lock(copying_mutex_);
    const Kept source = kept();
    if (source.recorder == nullptr)
        return Error{"nothing is kept of this session", "record it with R while it runs"};
    if (is_own_file(path)) return Error{"'" + path + "' is being recorded to", "choose another file name"};
    wait_for(*source.recorder, parts_->bus.last_seq());
    const int64_t held_ns = source.recorder->safe_t_ns();
    const Status copied = telemetry::copy_session(source.path, path, overwrite);
    save_failed_ = !copied.ok();
    if (save_failed_) return copied.error();
    return SavedSession{held_ns, telemetry::session_file_bytes(path)};
}

std::optional<telemetry::RecordedRequest> LiveSession::recall(const telemetry::RequestRow& row) const {
    using telemetry::SessionQuery;
    if (scratch_ && !scratch_->path().empty())
        if (auto found = telemetry::recall_request(SessionQuery::open_own(scratch_->path()), row))
            return found;
    // Held by a recording that begins or ends, for as long as a step or the disk takes: then it is asked again.
    const std::unique_lock lock(recording_mutex_, std::try_to_lock);
    if (!lock.owns_lock() || recording_path_.empty()) return std::nullopt;
    return telemetry::recall_request(SessionQuery::open_own(recording_path_), row);
}

Result<std::unique_ptr<Session>> open_live_session(const SessionOptions& options,
                                                   const ProgressFn& progress) {
    auto parts = assemble_engine(options, progress);
    if (!parts.ok()) return parts.error();
    auto session = std::make_unique<LiveSession>(std::move(parts).value(), options);
    if (!options.record_path.empty())
        if (auto begun = session->start_recording(options.record_path, options.overwrite); !begun.ok())
            return begun.error();
    const bool aside = options.knobs.boolean(presets::KnobId::kScratchRecording);
    if (aside && options.record_path.empty() && !options.scratch_folder.empty()) session->begin_scratch();
    return std::unique_ptr<Session>(std::move(session));
}

}  // namespace pitwall::app
