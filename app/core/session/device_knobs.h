// SPDX-License-Identifier: GPL-3.0-or-later
//
// Not every device has every numeric format. What was asked for by hand and is not there is refused, or told; what a preset
// asks for, which may have been saved beside another device, is replaced and told.
#pragma once

#include <string>
#include <vector>

#include "app/core/session/device_choice.h"
#include "app/core/session/session.h"
#include "engine/exec/executor.h"

namespace pitwall::app {

/// Whether a preset gave the knob, and nobody by hand.
bool from_preset(const SessionOptions& options, presets::KnobId id);

/// options.knobs, but of those in options.from_preset the numeric ones that such a device lacks have their defaults.
presets::KnobValues knobs_for(const SessionOptions& options, const DeviceChoice& device);

/// As if the device had been chosen by nobody: every numeric knob may be replaced. For a device that takes over from another.
SessionOptions with_any_numerics(SessionOptions options);

/// Why there is no CPU executor with weight_dtype=fp8.
Error no_float8_on_cpu();

/// A numeric knob that somebody gave, and that the executor has otherwise.
struct MissingNumerics {
    presets::KnobId id;
    double in_use;
    std::string why;
};
/// Asks the executor, which is on that device, for the numeric knobs that somebody gave: what can be had is in use from here on.
std::vector<MissingNumerics> set_numerics(const SessionOptions& options, const DeviceChoice& device,
                                          engine::Executor& executor);
/// Tells options.remark that the device is an emulated one, and what is missing, a sentence each.
void tell_of_device(const SessionOptions& options, const engine::Executor& executor,
                    const std::vector<MissingNumerics>& missing);

}  // namespace pitwall::app
