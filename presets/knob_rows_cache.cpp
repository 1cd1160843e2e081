// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

KnobSpec enable_prefix_caching() {
    return {
        .id = KnobId::kEnablePrefixCaching,
        .name = "enable_prefix_caching",
        .group = "cache",
        .type = KnobType::kBoolean,
        .maximum = 1,
        .default_value = 1,
        .help =
            "Blocks of finished prompts and answers stay in the pool and are shared with requests that begin "
            "with the same tokens.",
        .vllm = {.flag = "--enable-prefix-caching", .off = "--no-enable-prefix-caching"},
        .sglang = {.off = "--disable-radix-cache"},
        .tensorrt_llm = {.flag = "kv_cache_config.enable_block_reuse"},
        .llama_server = {.flag = "--cache-prompt",
                         .off = "--no-cache-prompt",
                         .note = "reuses the longest common prefix of a slot"}};
}

KnobSpec num_kv_blocks() {
    return {
        .id = KnobId::kNumKvBlocks,
        .name = "num_kv_blocks",
        .group = "cache",
        .type = KnobType::kInteger,
        .unit = "blocks",
        .minimum = 1,
        .maximum = 4194304,
        .default_value = 2048,
        .logarithmic = true,
        .help =
            "KV pool size in blocks of 16 tokens, up to what kv_cache_memory_bytes holds. Shrinking stops at "
            "what the largest request in flight needs to finish. A change of kv_cache_dtype keeps the pool's "
            "bytes, and so changes it.",
        .vllm = {.flag = "--num-gpu-blocks-override", .note = "with --block-size 16"},
        .sglang = {.flag = "--max-total-tokens", .scale = 16},
        .tensorrt_llm = {.flag = "kv_cache_config.max_tokens", .scale = 16},
        .llama_server = {.flag = "--ctx-size", .note = "shared by the slots", .scale = 16}};
}

KnobSpec kv_cache_memory_bytes() {
    return {.id = KnobId::kKvCacheMemoryBytes,
            .name = "kv_cache_memory_bytes",
            .group = "cache",
            .type = KnobType::kInteger,
            .unit = "bytes",
            .minimum = 1048576,
            .maximum = 1099511627776,
            .default_value = 1073741824,
            .step = 1048576,
            .logarithmic = true,
            .live = false,
            .reload_reason = "the KV arena is reserved once, when the model is opened",
            .help = "Memory of the KV arena; bounds num_kv_blocks.",
            .vllm = {.flag = "--kv-cache-memory-bytes"},
            .sglang = {.note = "--mem-fraction-static takes a fraction of the memory, weights included"},
            .tensorrt_llm = {.flag = "kv_cache_config.max_gpu_total_bytes"},
            .llama_server = {.note = "--ctx-size bounds the cache in tokens"}};
}

KnobSpec kv_cache_dtype() {
    return {.id = KnobId::kKvCacheDtype,
            .name = "kv_cache_dtype",
            .group = "cache",
            .type = KnobType::kChoice,
            .maximum = 6,
            .choices = {"f16", "f32", "bf16", "fp8", "int8", "k8v4", "int4"},
            .effect = KnobEffect::kNumerics,
            .help =
                "Format of the keys and values in the KV cache. Changing it converts the blocks that hold "
                "data, between two steps; the pool keeps its bytes, so that fewer bits make more blocks. "
                "They cost accuracy. fp8 is e4m3; int8 has one scale a token and head, int4 one for 32 "
                "values, both after a Hadamard rotation; k8v4 is int8 keys and int4 values.",
            .vllm = {.flag = "--kv-cache-dtype",
                     .choices = "float16,-,bfloat16,fp8_per_token_head,int8_per_token_head,turboquant_k8v4,"
                                "int4_per_token_head",
                     .choice_notes = {"", "", "", "scales and rotations differ there"}},
            .sglang = {.flag = "--kv-cache-dtype",
                       .choices = "auto,-,bf16,fp8_e4m3,-,-,-",
                       .choice_notes = {"", "", "", "one scale a tensor there", ""}},
            .tensorrt_llm = {.flag = "kv_cache_config.dtype",
                             .choices = "auto,-,-,fp8,-,-,-",
                             .choice_notes = {"", "", "", "one scale a tensor there", ""}},
            .llama_server = {.flag = "--cache-type-k --cache-type-v",
                             .choices = "f16,f32,bf16,-,q8_0,q8_0/q4_1,q4_1",
                             .choice_notes = {"", "", "", "", "a scale for each 32 values there"}}};
}

KnobSpec activation_dtype() {
    return {
        .id = KnobId::kActivationDtype,
        .name = "activation_dtype",
        .group = "numerics",
        .type = KnobType::kChoice,
        .maximum = 4,
        .default_value = 2,
        .choices = {"f32", "i16", "i8", "bf16", "f16"},
        .effect = KnobEffect::kNumerics,
        .help =
            "As what activations meet weights in a matrix product: f32; i16, integers with one scale a "
            "token; i8, integers with one scale for every 16 values; bf16, bfloat16; f16, binary16 with one "
            "power of two a token. Integers meet quantized weights, and bf16 meets float weights, which it "
            "takes as bfloat16 too, and with AMX all weights and K and V; all others meet f32. Fewer bits "
            "are faster "
            "and move the answers away from what the weights say. bf16 needs a processor with AVX512-BF16; "
            "with AMX it reads prompts, and serves many sequences, faster than i8 does, and few of them "
            "slower. A CUDA device has f16 alone, or bf16 where that is what the weights are; a CPU has no "
            "f16. A simulated device computes nothing that this could change.",
        .vllm = {.note = "--dtype sets weights and activations together"},
        .sglang = {.note = "--dtype sets weights and activations together"},
        .tensorrt_llm = {.note = "the checkpoint decides"},
        .llama_server = {.note = "the weights' format decides"}};
}

KnobSpec weight_dtype() {
    return {.id = KnobId::kWeightDtype,
            .name = "weight_dtype",
            .group = "numerics",
            .type = KnobType::kChoice,
            .maximum = 1,
            .choices = {"file", "fp8"},
            .live = false,
            .reload_reason = "weights are laid out for the device once, when the model is opened",
            .effect = KnobEffect::kNumerics,
            .help =
                "As what the device holds the layers' matrices. file: as the model file has them. fp8: those "
                "that "
                "the file has in F32, F16 or BF16 as e4m3 with one scale a row, half the bytes of 16 bits; "
                "what is "
                "quantized, the embedding, the vocabulary's matrix and a draft model stay as they are. "
                "Activations "
                "meet them as f16. For CUDA devices; a simulated one models the bytes.",
            .vllm = {.flag = "--quantization",
                     .choices = ",fp8",
                     .choice_notes = {"",
                                      "one scale a tensor there, and activations are fp8 too where the GPU "
                                      "multiplies such"}},
            .sglang = {.flag = "--quantization",
                       .choices = ",fp8",
                       .choice_notes = {"", "activations are fp8 too there, where the GPU multiplies such"}},
            .tensorrt_llm = {.note = "the checkpoint decides"},
            .llama_server = {.note = "the file decides"}};
}

KnobSpec batch_invariant() {
    return {.id = KnobId::kBatchInvariant,
            .name = "batch_invariant",
            .group = "numerics",
            .type = KnobType::kBoolean,
            .maximum = 1,
            .default_value = 1,
            .effect = KnobEffect::kNumerics,
            .repeatable = false,
            .help =
                "On: a request's tokens depend on the request alone, bit by bit. Off: a CUDA device may take "
                "faster matrix products, whose rounding depends on what else is in the step; what was "
                "computed so has no numeric history that could be replayed. Other devices have nothing "
                "faster and stay on.",
            .vllm = {.note = "the environment variable VLLM_BATCH_INVARIANT=1 turns it on; it is off there"},
            .sglang = {.note = "--enable-deterministic-inference turns it on; it is off there"},
            .tensorrt_llm = {.note = "its kernels are chosen by the size of the batch"},
            .llama_server = {.note = "its kernels are chosen by the size of the batch"}};
}

}  // namespace

void add_cache(std::vector<KnobSpec>& table) {
    table.push_back(enable_prefix_caching());
    table.push_back(num_kv_blocks());
    table.push_back(kv_cache_memory_bytes());
    table.push_back(kv_cache_dtype());
    table.push_back(activation_dtype());
    table.push_back(weight_dtype());
    table.push_back(batch_invariant());
}

}  // namespace pitwall::presets::rows
