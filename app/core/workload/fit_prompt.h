// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/core/request.h"
#include "engine/tokenizer/tokenizer.h"
#include "telemetry/control.h"

namespace pitwall::app {

/// The request of a workload's prompt, of at most `limit_tokens` prompt tokens. A long text is cut at its end; the
/// paragraph after it, which holds the question, stays. Changes `prompt` accordingly.
Result<engine::GenerationRequest> fit_prompt(telemetry::PromptSpec& prompt,
                                             const engine::Tokenizer& tokenizer, uint32_t limit_tokens);

}  // namespace pitwall::app
