// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shapes of well-known models, ways to store weights, and devices: what the arithmetic of memory_plan.h is asked with.
#pragma once

#include <cstdint>
#include <span>

namespace pitwall::panels {

/// How keys and values are shared between the query heads of a layer.
enum class AttentionKind {
    kMha,  ///< a KV head for each query head
    kGqa,  ///< one for a group of them
    kMqa,  ///< one for all
    kMla   ///< one latent vector for all, and a rotated part of the key (DeepSeek-V2, 2405.04434)
};
const char* name(AttentionKind kind);

/// What memory depends on.
struct ModelShape {
    const char* name = "";
    uint64_t parameters = 0;
    uint32_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
    uint32_t max_context_tokens = 0;
    /// Layers that attend to the last `window_tokens` only, of `layers`.
    uint32_t sliding_layers = 0, window_tokens = 0;
    /// Of MLA: values of the latent vector and of the rotated part. 0: K and V by head.
    uint32_t latent_dim = 0, rope_dim = 0;

    AttentionKind attention() const;
    bool operator==(const ModelShape&) const = default;
};

struct WeightFormat {
    const char* name;
    double bits;  ///< of a weight, scales included
    const char* note;
};

struct DeviceMemory {
    const char* name;
    uint32_t mib;  ///< in all, as the driver tells it
};

std::span<const ModelShape> model_shapes();
std::span<const WeightFormat> weight_formats();
std::span<const DeviceMemory> device_memories();

}  // namespace pitwall::panels
