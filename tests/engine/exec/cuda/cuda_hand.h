// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CUDA executor over a small model, in the hand of a test.
#pragma once

#include <cmath>
#include <vector>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {

using telemetry::KvDtype;

inline ModelConfig small_config() {
    ModelConfig c;
    c.num_layers = 2, c.hidden_size = 96, c.num_heads = 6, c.num_kv_heads = 2, c.head_dim = 32;
    c.intermediate_size = 160;
    c.vocab_size = 83, c.max_context_tokens = 4096, c.tied_embeddings = false;
    return c;
}

/// For steps of hundreds of tokens: they take seconds in the emulator.
inline ModelConfig shallow_config() {
    ModelConfig c = small_config();
    c.num_layers = 1, c.hidden_size = 64, c.num_heads = 2, c.num_kv_heads = 1;
    c.intermediate_size = 64;
    return c;
}

inline CudaOptions options_of(const Model& model, KvDtype dtype, uint32_t blocks) {
    CudaOptions options;
    options.kv_cache_dtype = dtype;
    options.kv_cache_memory_bytes = blocks * kv_bytes_per_block(dtype, model.config());
    return options;
}

class CudaHand : public ExecutorHand {
  public:
    explicit CudaHand(const Model& model, KvDtype dtype = KvDtype::kF16, uint32_t blocks = 64)
        : CudaHand(model, options_of(model, dtype, blocks), blocks) {}
    CudaHand(const Model& model, const CudaOptions& options, uint32_t blocks = 64)
        : ExecutorHand(make_cuda_executor(*pitwall_cuda_plugin(), model, options), blocks) {}
};

/// With the layers' floats as E4M3.
inline CudaOptions float8_options(const Model& model, KvDtype dtype = KvDtype::kF16, uint32_t blocks = 64) {
    CudaOptions options = options_of(model, dtype, blocks);
    options.weight_dtype = presets::WeightDtype::kFp8;
    return options;
}

/// One more slice of a sequence, its logits into `out`.
inline SequenceSlice scored_slice(const std::vector<TokenId>& tokens, uint32_t first,
                                  std::span<const BlockId> table, std::vector<float>& out, size_t vocab) {
    SequenceSlice slice;
    slice.tokens = std::span(tokens).subspan(first);
    slice.history = tokens;
    slice.first_position = first;
    slice.block_table = table;
    out.assign(slice.tokens.size() * vocab, std::nanf(""));
    slice.logits_out = out;
    return slice;
}

/// A sequence that decodes with its plans handed over before it is known what the one before picked.
struct Decoding {
    RequestId request;
    std::vector<TokenId> tokens;
    std::vector<BlockId> table;
    SamplingParams sampling;
    uint32_t computed = 0;

    SequenceSlice next() {
        SequenceSlice slice;
        slice.request = request;
        slice.tokens = std::span<const TokenId>(tokens).subspan(computed);
        slice.history = tokens;
        slice.first_position = computed;
        slice.block_table = table;
        slice.samples = 1;
        slice.sampling = sampling;
        computed = static_cast<uint32_t>(tokens.size());
        return slice;
    }
};

}  // namespace pitwall::engine
