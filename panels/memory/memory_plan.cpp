// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/memory_plan.h"

#include <algorithm>
#include <cmath>

#include "telemetry/kv_size.h"

namespace pitwall::panels {

namespace {

/// K and V of `heads` KV heads and one token in one layer. Over a whole block and divided, as padding goes by blocks.
double layer_token_bytes(const MemoryQuestion& q, uint32_t heads) {
    const ModelShape& s = q.shape;
    const uint64_t block = s.attention() == AttentionKind::kMla
                               ? telemetry::kv_latent_bytes(q.kv, s.latent_dim + s.rope_dim, kPlanBlockTokens)
                               : heads * telemetry::kv_head_bytes(q.kv, s.head_dim, kPlanBlockTokens);
    return double(block) / kPlanBlockTokens;
}

double sliding_layers(const ModelShape& s) {
    return s.window_tokens > 0 ? std::min(s.sliding_layers, s.layers) : 0;
}

/// Of a sequence of `tokens`, in whole blocks. A window rarely begins where a block does: it holds one block more.
double sequence_bytes(const ModelShape& s, double layer_bytes, uint64_t tokens) {
    const uint64_t blocks = (tokens + kPlanBlockTokens - 1) / kPlanBlockTokens;
    const uint64_t window = (s.window_tokens + kPlanBlockTokens - 1) / kPlanBlockTokens + 1;
    const double sliding = sliding_layers(s);
    return layer_bytes * kPlanBlockTokens *
           ((s.layers - sliding) * double(blocks) + sliding * double(std::min(blocks, window)));
}

/// Mean bytes a token of a sequence of `tokens`, without rounding to blocks.
double mean_token_bytes(const ModelShape& s, double layer_bytes, uint64_t tokens) {
    const double sliding = sliding_layers(s);
    const double kept = double(std::min<uint64_t>(tokens, s.window_tokens)) / double(tokens);
    return layer_bytes * (s.layers - sliding + sliding * kept);
}

uint64_t how_many(double room, double each) {
    return room > 0 && each > 0 ? static_cast<uint64_t>(std::floor(room / each)) : 0;
}

}  // namespace

uint64_t MemoryQuestion::request_tokens() const {
    return std::max<uint64_t>(1, prompt_tokens + output_tokens) - (prompt_tokens + output_tokens > 1 ? 1 : 0);
}

MemoryPlan plan_memory(const MemoryQuestion& q) {
    const ModelShape& s = q.shape;
    const uint32_t devices = std::max(1u, q.devices);
    MemoryPlan plan;
    plan.kv_heads = std::max(1u, (s.kv_heads + devices - 1) / devices);
    const double layer = layer_token_bytes(q, plan.kv_heads);
    plan.model_bytes = double(s.parameters) * q.weight_bits / 8;
    plan.weight_bytes = plan.model_bytes / devices;
    plan.token_bytes = layer * s.layers;
    plan.whole_token_bytes = layer_token_bytes(q, s.kv_heads) * s.layers;
    plan.token_beyond_window_bytes = layer * (s.layers - sliding_layers(s));
    plan.request_bytes = sequence_bytes(s, layer, q.request_tokens());
    plan.context_bytes = sequence_bytes(s, layer, std::max<uint64_t>(1, q.context_tokens));
    plan.room_bytes = q.device_bytes * q.fraction - plan.weight_bytes;
    plan.tokens = how_many(plan.room_bytes, mean_token_bytes(s, layer, q.request_tokens()));
    plan.requests = how_many(plan.room_bytes, plan.request_bytes);
    plan.contexts = how_many(plan.room_bytes, plan.context_bytes);
    return plan;
}

ModelShape with_attention(const ModelShape& shape, AttentionKind kind) {
    ModelShape other = shape;
    if (kind == shape.attention()) return other;
    other.latent_dim = other.rope_dim = 0;
    switch (kind) {
        case AttentionKind::kMha:
            other.kv_heads = shape.heads;
            break;
        case AttentionKind::kGqa:
            other.kv_heads = std::min(8u, shape.heads);
            break;
        case AttentionKind::kMqa:
            other.kv_heads = 1;
            break;
        case AttentionKind::kMla:
            other.latent_dim = 4 * shape.head_dim;
            other.rope_dim = shape.head_dim / 2;
            break;
    }
    return other;
}

}  // namespace pitwall::panels
