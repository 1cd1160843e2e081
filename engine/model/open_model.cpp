// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "engine/model/gguf_model.h"
#include "engine/model/model.h"
#include "engine/model/printable.h"
#include "engine/model/synthetic_model.h"

namespace pitwall::engine {

std::string default_model_path() {
    constexpr const char* kFile = "pitwall/SmolLM2-135M-Instruct.Q4_1.gguf";
    // The XDG base directory specification: a relative path counts as unset.
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache != nullptr && *cache == '/') return fmt::format("{}/{}", cache, kFile);
    const char* home = std::getenv("HOME");
    return fmt::format("{}/.cache/{}", home != nullptr ? home : "", kFile);
}

Result<std::unique_ptr<Model>> open_model(std::string_view spec, uint64_t seed, bool weights_needed) {
    constexpr std::string_view kSynthetic = "synthetic:";
    if (spec.starts_with(kSynthetic))
        return make_synthetic_model(spec.substr(kSynthetic.size()), seed, weights_needed);
    if (!spec.empty())
        return open_gguf_model(std::string(spec));  // mapped: weights cost nothing until touched
    const std::string path = default_model_path();
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return Error{fmt::format("the default model is not at {}", printable(path, true)),
                     "run scripts/fetch-model, or give --model FILE or --model synthetic:tiny"};
    }
    return open_gguf_model(path);
}

}  // namespace pitwall::engine
