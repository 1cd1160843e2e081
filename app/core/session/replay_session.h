// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/core/session/replay_control.h"
#include "app/core/session/session.h"
#include "telemetry/bus/bus.h"
#include "telemetry/replay/session_reader.h"

namespace pitwall::app {

/// A session file played back: its events come over a bus as a live engine's do, as fast as its clock goes. Readers are
/// waited for, whatever overflow they asked for: a replay has time. A jump is told by the mark kReplayJump.
class ReplaySession final : public Session, public telemetry::ReplayControl {
  public:
    /// What is known of a recording before it is played.
    struct About {
        std::string model, device;
        std::vector<telemetry::KnobChange> changes;
    };
    ReplaySession(std::unique_ptr<telemetry::SessionReader> file, About about);
    ~ReplaySession() override;

    telemetry::Control& control() override { return refusing_; }
    std::shared_ptr<telemetry::Reader> add_reader(telemetry::Overflow overflow,
                                                  size_t capacity_events) override;
    void start() override;
    void stop() override;
    bool finished() const override { return finished_.load(std::memory_order_acquire); }
    int64_t now_ns() const override { return position_ns_.load(std::memory_order_relaxed); }
    telemetry::ReplayControl* replay() override { return this; }
    std::string model_name() const override { return about_.model; }
    std::string device_name() const override { return about_.device; }

    int64_t begin_ns() const override { return begin_ns_; }
    int64_t end_ns() const override { return end_ns_; }
    void seek(int64_t t_ns) override;
    void play(double speed) override;
    double speed() const override;
    std::span<const telemetry::KnobChange> knob_changes() const override { return about_.changes; }
    std::optional<Error> trouble() const override;
    std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& row) const override;
    /// Also of one that was killed: the copy needs no log beside it.
    Result<SavedSession> save_so_far(const std::string& path, bool overwrite) override;

  private:
    using WallTime = std::chrono::steady_clock::time_point;

    void run();
    void obey(std::unique_lock<std::mutex>& lock);
    void jump(int64_t t_ns);
    void note_damage();
    void publish_until(int64_t t_ns);
    void publish(const telemetry::Event& event);
    int64_t clock_ns(WallTime now) const;

    About about_;
    std::string path_;
    std::unique_ptr<telemetry::SessionReader> file_;  ///< the thread's own once started
    int64_t begin_ns_, end_ns_;
    telemetry::Bus bus_;
    std::shared_ptr<telemetry::Producer> producer_;
    RefusingControl refusing_;
    std::vector<std::shared_ptr<telemetry::Reader>> readers_;
    std::thread thread_;
    std::atomic<bool> finished_{false}, stop_{false};
    std::atomic<int64_t> position_ns_;

    mutable std::mutex mutex_;  ///< guards the rest
    std::condition_variable changed_;
    std::optional<int64_t> wanted_ns_;  ///< a jump asked for
    double speed_ = 0;
    int64_t anchor_ns_;  ///< session time at anchor_wall_
    WallTime anchor_wall_;
    std::optional<Error> damage_;
};

}  // namespace pitwall::app
