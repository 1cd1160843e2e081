// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/metadata.h"
#include "engine/model/model.h"

namespace pitwall::engine {

/// The shape of a llama-architecture model from its metadata. What Pitwall cannot run (other architectures,
/// experts, scaled or partial rotary embeddings, a sliding window) is refused through `metadata`. Keys:
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm
ModelConfig read_config(Metadata& metadata);

/// Tokens, merges, special ids and chat template. Whether they make a working tokenizer is
/// Tokenizer::create's to say.
Vocabulary read_vocabulary(Metadata& metadata);

}  // namespace pitwall::engine
