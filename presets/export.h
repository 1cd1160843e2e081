// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "presets/knob.h"

namespace pitwall::presets {

enum class Target : uint8_t { kVllm, kSglang, kTensorRtLlm, kLlamaServer };

/// "vllm", "sglang", "tensorrt-llm", "llama-server"; the Error names the nearest.
Result<Target> parse_target(std::string_view name);
std::string_view target_name(Target target);
const Spelling& spelling(const KnobSpec& knob, Target target);

struct Exported {
    std::string text;  ///< a command line with MODEL in the model's place, or YAML; ends with a newline
    std::vector<std::string> notes;  ///< "max_num_batched_tokens=256: ..." where a setting only nearly fits
    std::vector<std::string>
        missing;  ///< one sentence for each setting given that has no equivalent, by name
};

/// The settings given (not the defaults), as the other engine spells them.
Exported export_to(Target target, const KnobValues& values);

}  // namespace pitwall::presets
