// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model_config.h"
#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Storage formats of GGUF that we read; the numbers are GGUF's own (ggml_type).
enum class TensorType : uint32_t {
    kF32 = 0,
    kF16 = 1,
    kQ4_0 = 2,
    kQ4_1 = 3,
    kQ5_0 = 6,
    kQ5_1 = 7,
    kQ8_0 = 8,
    kQ4_K = 12,
    kQ5_K = 13,
    kQ6_K = 14,
    kBF16 = 30
};

std::string_view tensor_type_name(TensorType type);  ///< "Q4_1"
uint32_t block_values(TensorType type);              ///< values in one storage block: 1, 32 or 256
uint32_t block_bytes(TensorType type);               ///< bytes of one storage block
/// Bytes of a row of `values` values; `values` must be a multiple of block_values(type).
size_t row_bytes(TensorType type, size_t values);

/// Slow, plain reference: `count` values (a multiple of block_values) to float32, as GGUF defines them.
void dequantize(TensorType type, const std::byte* data, size_t count, float* out);

/// A matrix as stored: row major, `rows` outputs by `columns` inputs. A view; the Model owns the bytes.
struct TensorView {
    TensorType type = TensorType::kF32;
    uint32_t rows = 0, columns = 0;  ///< a vector has rows == 1
    const std::byte* data = nullptr;
    size_t bytes = 0;
    bool empty() const { return data == nullptr; }
};

struct LayerWeights {
    /// q [heads * head_dim, hidden], rotary pairs adjacent (2i, 2i+1).
    TensorView attn_norm, q, k, v, attn_output;
    TensorView ffn_norm, gate, up, down;
};

/// What the tokenizer needs of the file's metadata.
struct Vocabulary {
    std::string model;  ///< tokenizer.ggml.model: "gpt2"
    std::string pre;    ///< tokenizer.ggml.pre: "smollm"
    std::vector<std::string> tokens;
    std::vector<int32_t> types;  ///< tokenizer.ggml.token_type: 1 normal, 3 control, 4 user defined, ...
    std::vector<std::string> merges;
    int32_t bos = -1, eos = -1, eot = -1, unknown = -1, padding = -1;
    bool add_bos = false;
    std::string chat_template;  ///< Jinja source, may be empty
};

/// A model file (or seeded random weights) open for reading. Immutable after load; any thread may read.
class Model {
  public:
    virtual ~Model() = default;
    virtual const ModelConfig& config() const = 0;
    virtual const TensorView& embedding() const = 0;    ///< [vocab, hidden]
    virtual const TensorView& output_head() const = 0;  ///< [vocab, hidden]; the embedding where tied
    virtual const TensorView& output_norm() const = 0;  ///< [hidden]
    virtual const LayerWeights& layer(uint32_t index) const = 0;
    virtual const Vocabulary& vocabulary() const = 0;
    virtual std::string_view path() const = 0;    ///< absolute, or "synthetic:SHAPE"
    virtual std::string_view sha256() const = 0;  ///< hex of the file, "" for synthetic
    virtual uint64_t weight_bytes() const = 0;    ///< of all tensors as stored
    /// The weights' formats by bytes, most first: "Q4_1 66 MB, Q8_0 30 MB".
    virtual std::string format_summary() const = 0;
    /// Lets go of the pages of the mapped file that the caller has repacked (madvise); reading again is allowed.
    virtual void release_pages() const {}
};

/// `spec`: a file, "synthetic:SHAPE" (tiny, tiny-draft, smollm2-135m, llama-3.2-1b, llama-3.1-8b, llama-3.1-70b), or "" for the default model
/// in the XDG cache. `weights_needed` false: shape and vocabulary only (the simulated device). Every length and
/// offset of a file is checked before use; nothing larger than the file is allocated on a file's word.
Result<std::unique_ptr<Model>> open_model(std::string_view spec, uint64_t seed, bool weights_needed);

/// Where scripts/fetch-model puts the default model: $XDG_CACHE_HOME/pitwall/SmolLM2-135M-Instruct.Q4_1.gguf
std::string default_model_path();

}  // namespace pitwall::engine
