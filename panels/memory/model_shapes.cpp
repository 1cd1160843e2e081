// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/model_shapes.h"

#include <array>

namespace pitwall::panels {

namespace {

// Each shape from config.json of the repository named beside it on huggingface.co; parameters are the sum over the matrices
// of that shape, embeddings and output head included.
constexpr std::array kShapes = {
    ModelShape{.name = "SmolLM2-135M",  // HuggingFaceTB/SmolLM2-135M-Instruct
               .parameters = 134'515'008,
               .layers = 30,
               .heads = 9,
               .kv_heads = 3,
               .head_dim = 64,
               .max_context_tokens = 8192},
    ModelShape{.name = "Llama-3.1-8B",  // meta-llama/Llama-3.1-8B
               .parameters = 8'030'261'248,
               .layers = 32,
               .heads = 32,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 131'072},
    ModelShape{.name = "Llama-3.1-70B",  // meta-llama/Llama-3.1-70B
               .parameters = 70'553'706'496,
               .layers = 80,
               .heads = 64,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 131'072},
    ModelShape{.name = "Llama-3.1-405B",  // meta-llama/Llama-3.1-405B
               .parameters = 405'853'388'800,
               .layers = 126,
               .heads = 128,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 131'072},
    ModelShape{.name = "Llama-2-7B",  // meta-llama/Llama-2-7b-hf
               .parameters = 6'738'415'616,
               .layers = 32,
               .heads = 32,
               .kv_heads = 32,
               .head_dim = 128,
               .max_context_tokens = 4096},
    ModelShape{.name = "Qwen3-8B",  // Qwen/Qwen3-8B
               .parameters = 8'190'735'360,
               .layers = 36,
               .heads = 32,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 40'960},
    ModelShape{.name = "Qwen3-32B",  // Qwen/Qwen3-32B
               .parameters = 32'762'123'264,
               .layers = 64,
               .heads = 64,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 40'960},
    ModelShape{.name = "Qwen3-235B-A22B",  // Qwen/Qwen3-235B-A22B; every expert is resident
               .parameters = 235'093'634'560,
               .layers = 94,
               .heads = 64,
               .kv_heads = 4,
               .head_dim = 128,
               .max_context_tokens = 40'960},
    ModelShape{.name = "Mistral-7B",  // mistralai/Mistral-7B-Instruct-v0.3, whose sliding_window is null
               .parameters = 7'248'023'552,
               .layers = 32,
               .heads = 32,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 32'768},
    ModelShape{.name = "Mixtral-8x7B",  // mistralai/Mixtral-8x7B-Instruct-v0.1
               .parameters = 46'702'792'704,
               .layers = 32,
               .heads = 32,
               .kv_heads = 8,
               .head_dim = 128,
               .max_context_tokens = 32'768},
    ModelShape{
        .name = "Gemma-3-27B",  // google/gemma-3-27b-it with its vision tower; every sixth layer sees all
        .parameters = 27'432'406'640,
        .layers = 62,
        .heads = 32,
        .kv_heads = 16,
        .head_dim = 128,
        .max_context_tokens = 131'072,
        .sliding_layers = 52,
        .window_tokens = 1024},
    ModelShape{.name = "gpt-oss-20b",  // openai/gpt-oss-20b; every second layer sees all
               .parameters = 20'914'757'184,
               .layers = 24,
               .heads = 64,
               .kv_heads = 8,
               .head_dim = 64,
               .max_context_tokens = 131'072,
               .sliding_layers = 12,
               .window_tokens = 128},
    ModelShape{.name = "gpt-oss-120b",  // openai/gpt-oss-120b; every second layer sees all
               .parameters = 116'829'156'672,
               .layers = 36,
               .heads = 64,
               .kv_heads = 8,
               .head_dim = 64,
               .max_context_tokens = 131'072,
               .sliding_layers = 18,
               .window_tokens = 128},
    ModelShape{.name = "Falcon-7B",  // tiiuae/falcon-7b, multi_query
               .parameters = 7'217'189'760,
               .layers = 32,
               .heads = 71,
               .kv_heads = 1,
               .head_dim = 64,
               .max_context_tokens = 2048},
    ModelShape{
        .name = "DeepSeek-V3",  // deepseek-ai/DeepSeek-V3, without the layer that predicts a second token
        .parameters = 671'026'419'200,
        .layers = 61,
        .heads = 128,
        .kv_heads = 128,
        .head_dim = 128,
        .max_context_tokens = 163'840,
        .latent_dim = 512,
        .rope_dim = 64},
};

constexpr std::array kWeights = {
    WeightFormat{"f32", 32, "4 bytes a weight"},
    WeightFormat{"bf16", 16, "2 bytes a weight, as f16"},
    WeightFormat{"Q8_0", 8.5, "llama.cpp: groups of 32 with an f16 scale"},
    WeightFormat{"fp8", 8, "1 byte a weight; a scale a tensor or channel is not counted. As int8"},
    WeightFormat{"Q4_1", 5, "llama.cpp: groups of 32 with an f16 scale and minimum"},
    WeightFormat{"nvfp4", 4.5, "groups of 16 with an fp8 scale"},
    WeightFormat{"mxfp4", 4.25, "groups of 32 with an 8-bit scale"},
    WeightFormat{"int4 g128", 4 + 20.0 / 128,
                 "AWQ, GPTQ: groups of 128 with an f16 scale and a 4-bit zero point"},
};

// "Memory-Usage" of nvidia-smi, with ECC where the device has it on by default; MI300X from rocm-smi.
constexpr std::array kDevices = {
    DeviceMemory{"T4", 15'360},         DeviceMemory{"A10", 23'028},      DeviceMemory{"L4", 23'034},
    DeviceMemory{"RTX 4090", 24'564},   DeviceMemory{"RTX 3090", 24'576}, DeviceMemory{"RTX 5090", 32'607},
    DeviceMemory{"A100 40 GB", 40'960}, DeviceMemory{"L40S", 46'068},     DeviceMemory{"H100", 81'559},
    DeviceMemory{"A100 80 GB", 81'920}, DeviceMemory{"H200", 143'771},    DeviceMemory{"B200", 183'359},
    DeviceMemory{"MI300X", 196'592},
};

}  // namespace

const char* name(AttentionKind kind) {
    switch (kind) {
        case AttentionKind::kMha:
            return "MHA";
        case AttentionKind::kGqa:
            return "GQA";
        case AttentionKind::kMqa:
            return "MQA";
        case AttentionKind::kMla:
            return "MLA";
    }
    return "";
}

AttentionKind ModelShape::attention() const {
    if (latent_dim > 0) return AttentionKind::kMla;
    if (kv_heads >= heads) return AttentionKind::kMha;
    return kv_heads == 1 ? AttentionKind::kMqa : AttentionKind::kGqa;
}

std::span<const ModelShape> model_shapes() { return kShapes; }
std::span<const WeightFormat> weight_formats() { return kWeights; }
std::span<const DeviceMemory> device_memories() { return kDevices; }

}  // namespace pitwall::panels
