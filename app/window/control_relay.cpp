// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/control_relay.h"

#include <utility>

namespace pitwall::app {

std::future<telemetry::Answer> ControlRelay::refused() const {
    if (tell_) tell_(why_none_);
    std::promise<telemetry::Answer> answer;
    answer.set_value({telemetry::Verdict::kRefused, why_none_, 0, kNoRequest});
    return answer.get_future();
}

std::future<telemetry::Answer> ControlRelay::submit(telemetry::PromptSpec prompt) {
    return target_ == nullptr ? refused() : target_->submit(std::move(prompt));
}
std::future<telemetry::Answer> ControlRelay::cancel(RequestId request) {
    return target_ == nullptr ? refused() : target_->cancel(request);
}
std::future<telemetry::Answer> ControlRelay::set_knob(std::string_view name, std::string_view value) {
    return target_ == nullptr ? refused() : target_->set_knob(name, value);
}
std::future<telemetry::Answer> ControlRelay::load_draft_model(std::string model) {
    return target_ == nullptr ? refused() : target_->load_draft_model(std::move(model));
}
std::future<telemetry::Answer> ControlRelay::flush_prefix_cache() {
    return target_ == nullptr ? refused() : target_->flush_prefix_cache();
}
std::future<telemetry::Answer> ControlRelay::pause() {
    return target_ == nullptr ? refused() : target_->pause();
}
std::future<telemetry::Answer> ControlRelay::resume() {
    return target_ == nullptr ? refused() : target_->resume();
}
std::future<telemetry::Answer> ControlRelay::single_step() {
    return target_ == nullptr ? refused() : target_->single_step();
}
std::future<telemetry::Answer> ControlRelay::burst(uint32_t requests) {
    return target_ == nullptr ? refused() : target_->burst(requests);
}
std::future<telemetry::Answer> ControlRelay::request_keyframe() {
    return target_ == nullptr ? refused() : target_->request_keyframe();
}

}  // namespace pitwall::app
