// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "telemetry/control.h"

namespace pitwall::app {

/// The control that panels hold for as long as they live. Sessions come and go behind it; while there is none it
/// refuses in words. GUI thread only.
class ControlRelay final : public telemetry::Control {
  public:
    void set_target(telemetry::Control* target) { target_ = target; }
    telemetry::Control* target() const { return target_; }

    std::future<telemetry::Answer> submit(telemetry::PromptSpec prompt) override;
    std::future<telemetry::Answer> cancel(RequestId request) override;
    std::future<telemetry::Answer> set_knob(std::string_view name, std::string_view value) override;
    std::future<telemetry::Answer> flush_prefix_cache() override;
    std::future<telemetry::Answer> pause() override;
    std::future<telemetry::Answer> resume() override;
    std::future<telemetry::Answer> single_step() override;
    std::future<telemetry::Answer> burst(uint32_t requests) override;
    std::future<telemetry::Answer> request_keyframe() override;

  private:
    telemetry::Control* target_ = nullptr;
};

}  // namespace pitwall::app
