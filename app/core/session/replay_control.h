// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "telemetry/control.h"

namespace pitwall::app {

/// What happened cannot be changed: every command is refused, in words.
class RefusingControl final : public telemetry::Control {
  public:
    std::future<telemetry::Answer> submit(telemetry::PromptSpec) override {
        return refuse("takes no prompts");
    }
    std::future<telemetry::Answer> cancel(RequestId) override { return refuse("has nothing to cancel"); }
    std::future<telemetry::Answer> set_knob(std::string_view, std::string_view) override {
        return refuse("has no knobs to turn");
    }
    std::future<telemetry::Answer> load_draft_model(std::string) override {
        return refuse("has no engine that could draft");
    }
    std::future<telemetry::Answer> flush_prefix_cache() override { return refuse("has no cache to flush"); }
    std::future<telemetry::Answer> pause() override { return refuse("is paused by its own controls"); }
    std::future<telemetry::Answer> resume() override { return refuse("is resumed by its own controls"); }
    std::future<telemetry::Answer> single_step() override { return refuse("has no engine to step"); }
    std::future<telemetry::Answer> burst(uint32_t) override { return refuse("has no workload"); }
    std::future<telemetry::Answer> request_keyframe() override {
        return refuse("has the keyframes of its recording");
    }

  private:
    static std::future<telemetry::Answer> refuse(std::string_view why);
};

}  // namespace pitwall::app
