// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/window/main_window.h"
#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"

namespace pitwall::testing {

/// Notes what was asked of it, in order, and accepts everything but draft models where it has a reason.
class NotingControl : public telemetry::Control {
  public:
    std::vector<std::string> asked;
    std::string no_draft_model;
    std::future<telemetry::Answer> submit(telemetry::PromptSpec) override { return note("submit"); }
    std::future<telemetry::Answer> cancel(RequestId) override { return note("cancel"); }
    std::future<telemetry::Answer> set_knob(std::string_view name, std::string_view value) override {
        return note(std::string(name) + "=" + std::string(value));
    }
    std::future<telemetry::Answer> load_draft_model(std::string model) override {
        auto accepted = note("draft model " + model);
        if (no_draft_model.empty()) return accepted;
        std::promise<telemetry::Answer> answer;
        answer.set_value({telemetry::Verdict::kRefused, no_draft_model, 0, kNoRequest});
        return answer.get_future();
    }
    std::future<telemetry::Answer> flush_prefix_cache() override { return note("flush"); }
    std::future<telemetry::Answer> pause() override { return note("pause"); }
    std::future<telemetry::Answer> resume() override { return note("resume"); }
    std::future<telemetry::Answer> single_step() override { return note("step"); }
    std::future<telemetry::Answer> burst(uint32_t requests) override {
        return note("burst " + std::to_string(requests));
    }
    std::future<telemetry::Answer> request_keyframe() override { return note("keyframe"); }

  private:
    std::future<telemetry::Answer> note(std::string what) {
        asked.push_back(std::move(what));
        std::promise<telemetry::Answer> answer;
        answer.set_value({});
        return answer.get_future();
    }
};

class FakeReplay : public telemetry::ReplayControl {
  public:
    int64_t begin_ns() const override { return 0; }
    int64_t end_ns() const override { return 200'000'000'000; }
    void seek(int64_t t_ns) override { seeks.push_back(t_ns); }
    void play(double speed) override { speed_ = speed; }
    double speed() const override { return speed_; }
    std::span<const telemetry::KnobChange> knob_changes() const override { return changes; }
    std::vector<int64_t> seeks;
    std::vector<telemetry::KnobChange> changes;  ///< before the window opens it

  private:
    double speed_ = 0;
};

/// A session whose events the test publishes itself.
class FakeSession : public app::Session {
  public:
    struct Outside {  ///< outlives the session, which the window owns
        NotingControl control;
        FakeReplay replay;
        int started = 0, stopped = 0;
        std::atomic<bool> recording{false};
        std::atomic<int> recording_takes_ms{0};  ///< to begin or to end
        std::string ended_because;               ///< what end_recording() says
        app::ScratchState scratch;
        std::atomic<int> saving_takes_ms{0};
        std::string saved_to, not_saved_because;
    };
    FakeSession(Outside* outside, bool replay)
        : outside_(outside), replay_(replay), producer_(bus_.add_producer()) {}
    telemetry::Control& control() override { return outside_->control; }
    std::shared_ptr<telemetry::Reader> add_reader(telemetry::Overflow overflow, size_t capacity) override {
        return bus_.add_reader(overflow, capacity);
    }
    void start() override { ++outside_->started; }
    void stop() override { ++outside_->stopped; }
    bool finished() const override { return false; }
    int64_t now_ns() const override { return 0; }
    telemetry::ReplayControl* replay() override { return replay_ ? &outside_->replay : nullptr; }
    std::string model_name() const override { return "Fake-1B"; }
    std::string device_name() const override { return "nothing, 0 threads"; }
    Status start_recording(const std::string&, bool) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(outside_->recording_takes_ms));
        outside_->recording = true;
        return {};
    }
    Status end_recording() override {
        std::this_thread::sleep_for(std::chrono::milliseconds(outside_->recording_takes_ms));
        outside_->recording = false;
        if (!outside_->ended_because.empty()) return Error{outside_->ended_because, {}};
        return {};
    }
    bool recording() const override { return outside_->recording; }
    app::ScratchState scratch() const override { return outside_->scratch; }
    Result<app::SavedSession> save_so_far(const std::string& path, bool) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(outside_->saving_takes_ms));
        outside_->saved_to = path;
        if (!outside_->not_saved_because.empty()) return Error{outside_->not_saved_because, {}};
        return app::SavedSession{760'000'000'000, 18'300'000};
    }
    telemetry::Producer& producer() { return *producer_; }

  private:
    Outside* outside_;
    bool replay_;
    telemetry::Bus bus_;
    std::shared_ptr<telemetry::Producer> producer_;
};

inline app::Source fake_source(FakeSession::Outside* outside, bool replay = false, int delay_ms = 0) {
    app::Source source;
    source.replay = replay;
    source.name = QStringLiteral("fake");
    source.open = [=](const app::ProgressFn& progress) -> app::SessionLoader::Opened {
        progress({"Reading weights", 61'000'000, 98'000'000});
        std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
        return std::unique_ptr<app::Session>(std::make_unique<FakeSession>(outside, replay));
    };
    return source;
}

}  // namespace pitwall::testing
