// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "telemetry/bus/reader.h"
#include "telemetry/store/store.h"

namespace pitwall::app {

/// What one tick brought. `more` says that the time budget ended it, not the ring.
struct Frame {
    size_t events = 0;
    uint64_t dropped = 0;  ///< left out since the last tick
    bool knob_changed = false;
    bool more = false;
    int64_t drain_ns = 0;
    int64_t drain_cpu_ns = 0;  ///< of this thread
};

/// The only road from the engine's thread to the window: every 16 ms it drains the ring into the store for at
/// most `budget_ns`, and says so once. No event crosses the threads as a signal.
class FrameClock : public QObject {
    Q_OBJECT
  public:
    static constexpr int kIntervalMs = 16;
    static constexpr int64_t kBudgetNs = 4'000'000;
    static constexpr size_t kChunkEvents = 1024;  ///< between two looks at the clock; about 0.2 ms

    explicit FrameClock(telemetry::Store* store, QObject* parent = nullptr);

    void set_reader(std::shared_ptr<telemetry::Reader> reader);
    /// Steady time in ns; a test passes its own.
    void set_now(std::function<int64_t()> now) { now_ns_ = std::move(now); }
    int64_t now_ns() const { return now_ns_(); }
    void start() { timer_.start(); }
    void stop() { timer_.stop(); }
    Frame tick();

    uint64_t ticks() const { return ticks_; }
    uint64_t events() const { return events_; }
    uint64_t dropped() const { return dropped_; }
    int64_t longest_drain_ns() const { return longest_drain_ns_; }

  signals:
    void frame_ready(const pitwall::app::Frame& frame);

  private:
    void take(size_t count, Frame& frame);

    telemetry::Store* store_;
    std::shared_ptr<telemetry::Reader> reader_;
    std::function<int64_t()> now_ns_;
    QTimer timer_;
    std::vector<telemetry::Event> batch_;
    uint64_t ticks_ = 0, events_ = 0, dropped_ = 0;
    int64_t longest_drain_ns_ = 0;
};

int64_t steady_ns();

}  // namespace pitwall::app
