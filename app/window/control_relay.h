// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>

#include "telemetry/control.h"

namespace pitwall::app {

/// The control that panels hold for as long as they live. Sessions come and go behind it; while there is none it
/// refuses in words. GUI thread only.
class ControlRelay final : public telemetry::Control {
  public:
    /// `why_none`: what is said of the engine that is not there.
    void set_target(telemetry::Control* target, std::string why_none = {}) {
        target_ = target;
        why_none_ = std::move(why_none);
    }
    /// Called for each refusal of the relay itself: not every button waits for its answer.
    void on_refused(std::function<void(const std::string&)> tell) { tell_ = std::move(tell); }
    telemetry::Control* target() const { return target_; }

    std::future<telemetry::Answer> submit(telemetry::PromptSpec prompt) override;
    std::future<telemetry::Answer> cancel(RequestId request) override;
    std::future<telemetry::Answer> set_knob(std::string_view name, std::string_view value) override;
    std::future<telemetry::Answer> load_draft_model(std::string model) override;
    std::future<telemetry::Answer> flush_prefix_cache() override;
    std::future<telemetry::Answer> pause() override;
    std::future<telemetry::Answer> resume() override;
    std::future<telemetry::Answer> single_step() override;
    std::future<telemetry::Answer> burst(uint32_t requests) override;
    std::future<telemetry::Answer> request_keyframe() override;

  private:
    std::future<telemetry::Answer> refused() const;

    telemetry::Control* target_ = nullptr;
    std::string why_none_ = "no session is running: open one with File > New session";
    std::function<void(const std::string&)> tell_;
};

}  // namespace pitwall::app
