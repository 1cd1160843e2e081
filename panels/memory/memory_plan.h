// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a model of a shape would need on a device: arithmetic alone, nothing is measured. Sums are worked out by hand in
// tests/panels/memory.
#pragma once

#include <array>
#include <cstdint>

#include "panels/memory/model_shapes.h"
#include "telemetry/event.h"

namespace pitwall::panels {

inline constexpr uint32_t kPlanBlockTokens = 16;

struct MemoryQuestion {
    ModelShape shape;
    double weight_bits = 16;
    telemetry::KvDtype kv = telemetry::KvDtype::kF16;
    double device_bytes = 0;
    uint32_t devices = 1;  ///< tensor parallel: each holds its share of weights and KV heads
    double fraction =
        0.9;  ///< of the device's memory that weights and KV may take; activations come out of the rest
    uint64_t context_tokens = 0;
    uint64_t prompt_tokens = 0, output_tokens = 0;  ///< of one request

    /// Of which K and V are kept: the last token made is never read.
    uint64_t request_tokens() const;
};

/// Bytes are those of one device, where nothing else is said.
struct MemoryPlan {
    double model_bytes = 0;                ///< all weights, over all devices
    double weight_bytes = 0;               ///< an even share of them
    double token_bytes = 0;                ///< K and V of one token over all layers
    double whole_token_bytes = 0;          ///< the same over all devices, each KV head once
    double token_beyond_window_bytes = 0;  ///< what a token adds once the windows are full
    double request_bytes = 0;              ///< K and V of one request at its end, whole blocks
    double context_bytes = 0;              ///< of one that fills the context
    double room_bytes = 0;                 ///< for KV; negative where the weights do not fit
    uint64_t tokens = 0;                   ///< that fit, as requests of this length hold them
    uint64_t requests = 0, contexts = 0;   ///< that fit at once
    uint32_t kv_heads = 0;  ///< on one device; with more devices than heads they are there more than once

    bool fits() const { return room_bytes > 0; }
};

MemoryPlan plan_memory(const MemoryQuestion& question);

/// The same model with its keys and values shared otherwise. Where the model itself is of that kind it stays as it is. GQA:
/// 8 KV heads; MLA: a latent of 4 head_dim and head_dim / 2 rotated, as DeepSeek-V2 chose them (2405.04434, 2.1.4).
ModelShape with_attention(const ModelShape& shape, AttentionKind kind);

inline constexpr std::array kAttentionKinds = {AttentionKind::kMha, AttentionKind::kGqa, AttentionKind::kMqa,
                                               AttentionKind::kMla};

}  // namespace pitwall::panels
