// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/core/session/engine_control.h"
#include "app/core/session/engine_loop.h"
#include "app/core/session/engine_parts.h"
#include "app/core/session/recording.h"
#include "app/core/session/scratch_recording.h"
#include "app/core/session/session.h"

namespace pitwall::app {

/// An engine of our own under its workload. Everything but start(), stop() and the recording runs on the engine thread.
class LiveSession final : public Session {
  public:
    LiveSession(std::unique_ptr<EngineParts> parts, SessionOptions options);
    ~LiveSession() override;

    telemetry::Control& control() override { return control_; }
    std::shared_ptr<telemetry::Reader> add_reader(telemetry::Overflow overflow,
                                                  size_t capacity_events) override;
    void start() override;
    void stop() override;
    bool finished() const override { return finished_.load(std::memory_order_acquire); }
    int64_t now_ns() const override;
    Status start_recording(const std::string& path, bool overwrite = false) override;
    void stop_recording() override;
    bool recording() const override;
    uint64_t recorded_bytes() const override;
    int64_t recorder_lag_ns() const override;
    std::string model_name() const override { return parts_->model_name(); }
    std::string device_name() const override { return parts_->device_name(); }
    Status end_recording() override;
    /// Before start(). A session goes on without: scratch().trouble says why there is none.
    void begin_scratch();
    ScratchState scratch() const override;
    std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& row) const override;
    Result<SavedSession> save_so_far(const std::string& path, bool overwrite) override;

  private:
    /// A file that is being recorded, or was, and who writes it.
    struct Kept {
        std::string path;
        const telemetry::Recorder* recorder = nullptr;
        std::shared_ptr<Recording>
            keeps;  ///< what the recorder is a part of, where that may be replaced meanwhile
    };
    Kept kept() const;
    bool is_own_file(const std::string& path) const;
    void remove_scratch();
    void run();
    bool on_engine_thread(const std::function<void()>& action);
    presets::KnobValues present_knobs();

    SessionOptions options_;
    std::chrono::system_clock::time_point begun_ = std::chrono::system_clock::now();
    std::unique_ptr<EngineParts> parts_;
    CommandQueue commands_;
    WorkloadFeeder feeder_;
    DeviceSampler sampler_;
    EngineControl control_;
    EngineLoop loop_;
    std::thread thread_;
    std::atomic<bool> finished_{false};
    /// Held while a recording is copied, ended or removed, which can be long. Taken before the next.
    std::mutex copying_mutex_;
    mutable std::mutex recording_mutex_;  ///< guards the two
    std::shared_ptr<Recording> recording_;
    std::string recording_path_;
    std::unique_ptr<ScratchRecording> scratch_;  ///< made before start(), and stays
    std::optional<Error> scratch_trouble_;       ///< why there is none
    bool save_failed_ = false;  ///< somebody wanted what the scratch file holds; under copying_mutex_
};

}  // namespace pitwall::app
