// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "presets/export.h"
#include "presets/preset.h"

using namespace pitwall::presets;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto preset = parse_preset({reinterpret_cast<const char*>(data), size}, "fuzz.json");
    if (!preset.ok()) {
        if (preset.error().what.empty() || preset.error().what.find('\n') != std::string::npos) std::abort();
        return 0;
    }
    // What was accepted survives the way to the file and back.
    const auto again = parse_preset(preset_text(preset.value()), "again.json");
    if (!again.ok() || !(again.value().values == preset.value().values)) std::abort();
    for (const Target target : {Target::kVllm, Target::kSglang, Target::kTensorRtLlm, Target::kLlamaServer})
        if (export_to(target, preset.value().values).text.empty()) std::abort();
    return 0;
}
