// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/replay_session.h"

#include <algorithm>

#include "telemetry/bus/producer.h"
#include "telemetry/record/session_copy.h"
#include "telemetry/record/session_file.h"
#include "telemetry/record/session_query.h"
#include "telemetry/store/store.h"

namespace pitwall::app {

namespace {

using telemetry::Event;

constexpr size_t kBatchEvents = 1024;
/// How often the replay's clock is looked at.
constexpr auto kTick = std::chrono::milliseconds(10), kTickPaused = std::chrono::milliseconds(200);
/// So much of charts is given before the moment that is jumped to.
constexpr int64_t kHistory_ns = 60'000'000'000;
constexpr double kFastest = 1000;

/// The facts come first in a recording, or soon where it began in the middle of a session.
ReplaySession::About facts_of(telemetry::SessionReader& file) {
    constexpr size_t kMostEvents = size_t{1} << 18, kBudgetBytes = size_t{16} << 20;
    telemetry::Store store({.memory_bytes = kBudgetBytes});
    for (size_t seen = 0; seen < kMostEvents && store.session("device").empty();) {
        const auto events = file.next(kBatchEvents);
        if (events.empty()) break;
        store.apply(events);
        seen += events.size();
    }
    return {std::string(store.session("model")), std::string(store.session("device")), {}};
}

/// A jump to the end gives all changes so far before the last keyframe.
std::vector<telemetry::KnobChange> changes_of(telemetry::SessionReader& file) {
    if (!file.seek(file.end_ns()).ok()) return {};
    telemetry::Store store;
    while (true) {
        const auto events = file.next(kBatchEvents);
        if (events.empty()) break;
        store.apply(events);
    }
    return {store.knob_changes().begin(), store.knob_changes().end()};
}

}  // namespace

ReplaySession::ReplaySession(std::unique_ptr<telemetry::SessionReader> file, About about)
    : about_(std::move(about)),
      path_(file->path()),
      file_(std::move(file)),
      begin_ns_(file_->begin_ns()),
      end_ns_(file_->end_ns()),
      producer_(bus_.add_producer()),
      position_ns_(begin_ns_),
      anchor_ns_(begin_ns_),
      anchor_wall_(std::chrono::steady_clock::now()) {}

ReplaySession::~ReplaySession() { stop(); }

std::shared_ptr<telemetry::Reader> ReplaySession::add_reader(telemetry::Overflow, size_t capacity_events) {
    auto reader = bus_.add_reader(telemetry::Overflow::kWait, capacity_events);
    readers_.push_back(reader);
    return reader;
}

void ReplaySession::start() {
    if (!thread_.joinable() && !finished()) thread_ = std::thread([this] { run(); });
}

void ReplaySession::stop() {
    stop_.store(true);
    changed_.notify_all();
    // Nobody drains any more, perhaps: without readers the thread waits for none of them.
    for (const auto& reader : readers_) bus_.remove_reader(reader);
    readers_.clear();
    if (thread_.joinable()) thread_.join();
    finished_.store(true, std::memory_order_release);
}

void ReplaySession::run() {
    // What was recorded at the very beginning is there at once, before anybody presses play.
    publish_until(begin_ns_);
    std::unique_lock lock(mutex_);
    while (!stop_.load()) {
        obey(lock);
        const int64_t until = clock_ns(std::chrono::steady_clock::now());
        lock.unlock();
        publish_until(until);
        lock.lock();
        if (!wanted_ns_ && !stop_.load()) changed_.wait_for(lock, speed_ > 0 ? kTick : kTickPaused);
    }
}

/// Does the jump that was asked for; the newest one only.
void ReplaySession::obey(std::unique_lock<std::mutex>& lock) {
    if (!wanted_ns_) return;
    const int64_t t_ns = *wanted_ns_;
    wanted_ns_.reset();
    lock.unlock();
    jump(t_ns);
    lock.lock();
}

void ReplaySession::jump(int64_t t_ns) {
    if (!file_->seek(t_ns, kHistory_ns).ok()) return note_damage();
    Event event;
    event.kind = telemetry::EventKind::kMark;
    event.t_ns = t_ns;
    event.mark = {telemetry::MarkKind::kReplayJump, {}, 0};
    publish(event);
    publish_until(t_ns);
}

void ReplaySession::publish_until(int64_t t_ns) {
    while (!stop_.load()) {
        const auto events = file_->next(kBatchEvents, t_ns);
        if (events.empty()) break;
        producer_->wait_for_room(events.size());
        for (const Event& event : events) publish(event);
        producer_->notify();
    }
    note_damage();
    position_ns_.store(std::clamp(t_ns, begin_ns_, end_ns_), std::memory_order_relaxed);
}

/// A file that is damaged here gives nothing more: its clock stops, and trouble() says why.
void ReplaySession::note_damage() {
    if (file_->status().ok()) return;
    play(0);
    const std::lock_guard lock(mutex_);
    if (!damage_) damage_ = file_->status().error();
}

std::optional<Error> ReplaySession::trouble() const {
    const std::lock_guard lock(mutex_);
    return damage_;
}

void ReplaySession::publish(const Event& event) {
    Event copy = event;
    producer_->publish(copy);
}

int64_t ReplaySession::clock_ns(WallTime now) const {
    const double passed = std::chrono::duration<double, std::nano>(now - anchor_wall_).count() * speed_;
    return anchor_ns_ + static_cast<int64_t>(std::min(passed, static_cast<double>(end_ns_ - anchor_ns_)));
}

void ReplaySession::seek(int64_t t_ns) {
    const std::lock_guard lock(mutex_);
    wanted_ns_ = std::clamp(t_ns, begin_ns_, end_ns_);
    anchor_ns_ = *wanted_ns_, anchor_wall_ = std::chrono::steady_clock::now();
    changed_.notify_all();
}

void ReplaySession::play(double speed) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    anchor_ns_ = clock_ns(now), anchor_wall_ = now;
    speed_ = std::clamp(speed, 0.0, kFastest);
    changed_.notify_all();
}

double ReplaySession::speed() const {
    const std::lock_guard lock(mutex_);
    return speed_;
}

std::optional<telemetry::RecordedRequest> ReplaySession::recall(const telemetry::RequestRow& row) const {
    return telemetry::recall_request(telemetry::SessionQuery::open(path_), row);
}

Result<SavedSession> ReplaySession::save_so_far(const std::string& path, bool overwrite) {
    if (Status copied = telemetry::copy_session(path_, path, overwrite); !copied.ok()) return copied.error();
    return SavedSession{end_ns_, telemetry::session_file_bytes(path)};
}

Result<std::unique_ptr<Session>> open_replay_session(const std::string& path) {
    auto file = telemetry::SessionReader::open(path);
    if (!file.ok()) return file.error();
    ReplaySession::About about = facts_of(*file.value());
    about.changes = changes_of(*file.value());
    auto again = telemetry::SessionReader::open(path);
    if (!again.ok()) return again.error();
    return std::unique_ptr<Session>(
        std::make_unique<ReplaySession>(std::move(again).value(), std::move(about)));
}

}  // namespace pitwall::app
