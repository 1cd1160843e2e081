// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/core/request.h"
#include "engine/tokenizer/tokenizer.h"
#include "telemetry/control.h"

namespace pitwall::app {

/// Renders, tokenizes and checks a prompt as a person or a workload sends it. Arrival and time-out are left to the
/// caller. Any thread.
Result<engine::GenerationRequest> make_request(const telemetry::PromptSpec& prompt,
                                               const engine::Tokenizer& tokenizer);

}  // namespace pitwall::app
