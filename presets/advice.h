// SPDX-License-Identifier: GPL-3.0-or-later
//
// What to say to somebody who wrote a name that there is not: a misspelling, or what another engine calls it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pitwall::presets {

/// "did you mean NAME? Otherwise", or "otherwise" where the word is like no candidate. `otherwise` begins with a small letter.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         const std::string& otherwise);

/// What an option or a setting of vLLM, SGLang, TensorRT-LLM or llama-server is here: "that is --set max_num_seqs=VALUE here".
/// `name` with or without dashes before it; "" where none is known.
std::string called_here(std::string_view name);

/// For a name that is no knob's.
std::string knob_advice(std::string_view name);

}  // namespace pitwall::presets
