// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "engine/model/mapped_file.h"
#include "engine/model/model.h"
#include "engine/model/weights.h"

namespace pitwall::engine {

/// What a GGUF file holds, checked: the weights are views into its bytes.
struct GgufContents {
    ModelConfig config;
    Vocabulary vocabulary;
    Weights weights;
};

/// From the bytes of a whole file, which must outlive the views. `name` is how errors call it.
Result<GgufContents> read_gguf(std::span<const std::byte> bytes, std::string_view name);

Result<std::unique_ptr<Model>> open_gguf_model(const std::string& path);

}  // namespace pitwall::engine
