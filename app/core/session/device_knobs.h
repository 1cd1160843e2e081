// SPDX-License-Identifier: GPL-3.0-or-later
//
// Not every device has every numeric format. What was asked for by hand and is not there is refused, or told; what a preset
// asks for, which may have been saved beside another device, is replaced and told.
#pragma once

#include "app/core/session/device_choice.h"
#include "app/core/session/session.h"
#include "engine/exec/executor.h"

namespace pitwall::app {

/// options.knobs, but of those in options.from_preset the numeric ones that such a device lacks have their defaults.
presets::KnobValues knobs_for(const SessionOptions& options, const DeviceChoice& device);

/// As if the device had been chosen by nobody: every numeric knob may be replaced. For a device that takes over from another.
SessionOptions with_any_numerics(SessionOptions options);

/// Tells options.remark that the device is an emulated one, and, a sentence each, which numeric knobs somebody gave and the
/// executor has otherwise, and why.
void tell_of_device(const SessionOptions& options, engine::Executor& executor);

}  // namespace pitwall::app
