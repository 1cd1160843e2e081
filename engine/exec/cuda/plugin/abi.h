/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What crosses from a program into the CUDA plug-in and back: plain structs and C functions. No exception, no ownership and no
 * object of C++ crosses; memory belongs to the side that allocated it, and what a struct points to stays valid during the call,
 * or as long as it says. One thread uses an executor.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace pitwall::cuda::abi {

/// Raised when a function's meaning changes. The build id has to agree too: it comes from the text of all that crosses.
inline constexpr uint32_t kVersion = 1;
inline constexpr const char* kEntryName = "pitwall_cuda_plugin";

/// Of a text that is computed beside the pool.
inline constexpr uint32_t kSideTokens = 256;

struct Failure {
    char what[480], hint[256];
};

struct DeviceInfo {
    char name[128];
    char pci_bus_id[32];  ///< "0000:3b:00.0"; "" of an emulated one
    uint32_t compute_major, compute_minor;
    uint32_t emulated;
    uint32_t has_code;  ///< the plug-in was built for GPUs of its kind
};

struct Tensor {
    uint32_t type, rows, columns;  ///< engine::TensorType
    const void* data;
    uint64_t bytes;
};

/// As engine::LayerWeights.
struct Layer {
    Tensor attn_norm, q, k, v, attn_output, ffn_norm, gate, up, down;
};

/// As engine::ModelConfig and engine::Model; read during create() alone.
struct Model {
    uint32_t num_layers, hidden_size, num_heads, num_kv_heads, head_dim, intermediate_size, vocab_size,
        max_context_tokens;
    float rms_epsilon, rope_base;
    uint32_t tied_embeddings;
    Tensor embedding, output_head, output_norm;
    const Layer* layers;  ///< [num_layers]
};

struct Options {
    /// Several: each has a share of every layer (tensor parallel), rank 0 the first. The model can be cut so (check_ranks.h).
    const uint32_t* devices;
    uint32_t num_devices;
    uint32_t kv_dtype;               ///< telemetry::KvDtype
    uint32_t weight_dtype;           ///< presets::WeightDtype
    uint64_t kv_cache_memory_bytes;  ///< of all devices; 0: a share of what weights and activations leave
    double kv_cache_share;           ///< that one
    uint64_t kv_cache_spared_bytes;  ///< that this is no share of: another's weights have still to come
    /// Called on the caller's thread while weights are laid out; a result other than 0 ends it.
    int32_t (*progress)(void* context, uint64_t done_bytes, uint64_t total_bytes);
    void* context;
};

/// As engine::SamplingParams.
struct Sampling {
    float temperature;
    int32_t top_k;
    float top_p, min_p, repetition_penalty;
    uint64_t seed;
};

/// As engine::SequenceSlice. logits_out stays valid until the plan is collected, the rest during submit().
struct Slice {
    const int32_t* tokens;  ///< -k: what the plan submitted before sampled at its k-th sampled position
    uint32_t num_tokens, first_position;
    const uint32_t* block_table;
    uint32_t num_blocks;
    uint32_t samples;       ///< after each of the last so many tokens
    const int32_t* banned;  ///< may not be picked for positions below banned_before
    uint32_t num_banned, banned_before;
    Sampling sampling;
    const int32_t* history;  ///< all before `tokens`, for penalties
    uint32_t num_history;
    float* logits_out;  ///< null, or [num_tokens, vocab]
};

struct BlockCopy {
    uint32_t source, target;
};

struct Plan {
    const BlockCopy* copies;
    const Slice* slices;
    uint32_t num_copies, num_slices;
    uint64_t step;  ///< engine::StepPlan::id, for the names that a profiler shows
};

struct Work {
    int64_t ns;
    double flops, bytes;
};

/// What it points to stays valid until two more plans were submitted.
struct StepResult {
    const int32_t* sampled;  ///< at every sampled position, in the order of slices and positions
    int64_t copy_ns, execute_ns, sample_ns;
    double flops, bytes;
    Work kernels[4];  ///< as engine::KernelKind
};

struct Executor;  ///< the plug-in's

/// Functions give 0, or another number and the reason in `failure`.
struct Plugin {
    uint32_t version;
    const char* build_id;
    /// Up to `most` of them into `devices`; gives their number. None: the reason.
    uint32_t (*list_devices)(DeviceInfo* devices, uint32_t most, Failure* failure);
    int32_t (*create)(const Model* model, const Options* options, Executor** executor, Failure* failure);
    /// With the last one on a device that was lost, the device is reset, so that create() may be tried again.
    void (*destroy)(Executor* executor);
    /// As engine::Executor::status().
    int32_t (*status)(const Executor* executor, Failure* failure);
    uint64_t (*weight_bytes)(const Executor* executor);
    uint64_t (*activation_bytes)(const Executor* executor);
    /// Bytes of a block in that format, on all devices together; 0: there is no attention over it.
    uint64_t (*block_bytes)(const Executor* executor, uint32_t kv_dtype);
    uint64_t (*kv_memory_bytes)(const Executor* executor);
    int32_t (*resize_pool)(Executor* executor, uint32_t num_blocks, Failure* failure);
    int32_t (*convert_kv)(Executor* executor, uint32_t kv_dtype, uint32_t num_blocks, const uint32_t* holding,
                          uint32_t num_holding, Failure* failure);
    /// With nothing in flight: whether what is computed for a token may depend on its sequence alone (1), or also on the number of
    /// tokens beside it, where that is faster (0).
    int32_t (*set_batch_invariant)(Executor* executor, uint32_t invariant, Failure* failure);
    /// Into `what`: the name of the library of matrix products that the faster way takes, or why there is none.
    void (*describe_matrix_library)(Failure* words);
    /// The same of the library by which several devices work together.
    void (*describe_collective_library)(Failure* words);
    /// Bytes a second, of all devices together, that a copy within a device's memory reads and writes; 0: it could not be measured.
    double (*measure_bandwidth)(Executor* executor);
    /// As engine::Executor::score_beside(), with nothing in flight: up to kSideTokens tokens a text. logits[i] is null or [vocab].
    int32_t (*score_beside)(Executor* executor, uint32_t kv_dtype, const int32_t* tokens, uint32_t num_tokens,
                            uint32_t first_position, float* const* logits, Failure* failure);
    /// Up to two plans are in flight; collect() gives the oldest one's result.
    int32_t (*submit)(Executor* executor, const Plan* plan, Failure* failure);
    int32_t (*collect)(Executor* executor, StepResult* result, Failure* failure);
};

using Entry = const Plugin* (*)();

}  // namespace pitwall::cuda::abi

extern "C" const pitwall::cuda::abi::Plugin* pitwall_cuda_plugin();
