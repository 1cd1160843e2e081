// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "panels/common/value_row.h"
#include "telemetry/event.h"

namespace pitwall::panels {

/// What the driver says of the GPU, a row each; an en dash where it does not say.
std::vector<ValueRow> gpu_readings(const telemetry::GpuEvent& gpu);

/// Why its clocks are lower than they might be, in words: "power cap, heat"; "nothing" where they are not.
QString throttle_words(int64_t reasons);

}  // namespace pitwall::panels
