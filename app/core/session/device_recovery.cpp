// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_recovery.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "app/core/session/device_knobs.h"
#include "app/core/session/engine_parts.h"

namespace pitwall::app {

using Kind = DeviceChoice::Kind;

DeviceRecovery::DeviceRecovery(EngineParts& parts, const SessionOptions& options)
    : parts_(&parts), options_(with_any_numerics(options)) {}

Result<std::unique_ptr<engine::Executor>> DeviceRecovery::operator()(const Error& why) {
    const std::string lost = fmt::format("{} was lost ({})", device_words(parts_->device.choice), why.what);
    // Whoever still reads weights onto it keeps it from being reset.
    parts_->draft_model->leave_device();
    auto again = try_again();
    if (again.ok()) {
        tell(again.value()->device(), "anew on the GPU: " + lost);
        return again;
    }
    parts_->device.choice = DeviceChoice{};
    parts_->draft_model->move_to(parts_->device.choice);
    auto made = make_on(parts_->device.choice);
    if (made.ok()) tell(made.value()->device(), fmt::format("on the CPU: {}; {}", lost, again.error().what));
    return made;
}

DeviceRecovery::Made DeviceRecovery::try_again() {
    if (parts_->device.choice.kind != Kind::kCuda) return Error{"it is not tried again", ""};
    if (lost_too_often())
        return Error{fmt::format("{} times within ten minutes are enough", losses_ns_.size()), ""};
    return make_on(parts_->device.choice);
}

bool DeviceRecovery::lost_too_often() {
    const int64_t now_ns = parts_->clock->now_ns();
    losses_ns_.push_back(now_ns);
    while (losses_ns_.front() < now_ns - kSpan_ns) losses_ns_.pop_front();
    return losses_ns_.size() >= kMostLosses;
}

DeviceRecovery::Made DeviceRecovery::make_on(const DeviceChoice& device) {
    try {
        return make_executor_on(device, options_, *parts_->opened.model, *parts_->clock, nullptr);
    } catch (const std::exception& error) {  // no memory for it, in the middle of a session
        return Error{fmt::format("{} cannot be used ({})", device_words(device), error.what()), ""};
    }
}

void DeviceRecovery::tell(const engine::DeviceInfo& device, const std::string& reason) {
    parts_->device.reason = reason;
    publish_device(*parts_, device);
}

}  // namespace pitwall::app
