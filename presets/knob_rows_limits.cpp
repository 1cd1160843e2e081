// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

KnobSpec default_max_tokens() {
    return {
        .id = KnobId::kDefaultMaxTokens,
        .name = "default_max_tokens",
        .group = "limits",
        .type = KnobType::kInteger,
        .unit = "tokens",
        .minimum = 1,
        .maximum = 131072,
        .default_value = 256,
        .logarithmic = true,
        .effect = KnobEffect::kLimits,
        .help = "Longest answer of a request that names no max_tokens. Holds for requests that arrive after.",
        .vllm = {.note = "set max_tokens in the request"},
        .sglang = {.note = "set max_new_tokens in the request"},
        .tensorrt_llm = {.note = "set max_tokens in the request"},
        .llama_server = {.flag = "--n-predict"}};
}

KnobSpec max_prompt_tokens() {
    return {.id = KnobId::kMaxPromptTokens,
            .name = "max_prompt_tokens",
            .group = "limits",
            .type = KnobType::kInteger,
            .unit = "tokens",
            .minimum = 0,
            .maximum = 1048576,
            .default_value = 0,
            .logarithmic = true,
            .off_value = 0,
            .effect = KnobEffect::kLimits,
            .help = "Longer prompts are rejected on arrival. Off: the model's context is the bound.",
            .vllm = {.note = "--max-model-len bounds prompt and answer together"},
            .sglang = {.note = "--context-length bounds prompt and answer together"},
            .tensorrt_llm = {.flag = "max_input_len"},
            .llama_server = {.note = "--ctx-size bounds prompt and answer together"}};
}

KnobSpec max_queue_length() {
    return {
        .id = KnobId::kMaxQueueLength,
        .name = "max_queue_length",
        .group = "limits",
        .type = KnobType::kInteger,
        .unit = "requests",
        .minimum = 0,
        .maximum = 1048576,
        .default_value = 0,
        .logarithmic = true,
        .off_value = 0,
        .effect = KnobEffect::kLimits,
        .help = "With that many requests waiting, the next arrival is rejected. Off: the queue has no end.",
        .vllm = {.flag = "--max-num-queued-reqs"},
        .sglang = {.flag = "--max-queued-requests"},
        .tensorrt_llm = {.note = "the queue has no bound"},
        .llama_server = {.note = "the queue has no bound"}};
}

KnobSpec request_timeout_ms() {
    return {
        .id = KnobId::kRequestTimeoutMs,
        .name = "request_timeout_ms",
        .group = "limits",
        .type = KnobType::kInteger,
        .unit = "ms",
        .minimum = 0,
        .maximum = 86400000,
        .default_value = 0,
        .step = 100,
        .logarithmic = true,
        .off_value = 0,
        .effect = KnobEffect::kLimits,
        .help =
            "A request that is not done so long after its arrival ends with `timeout`; paused time does not "
            "count. Off: it may take as long as it needs.",
        .vllm = {.note = "clients time out on their own"},
        .sglang = {.note = "clients time out on their own"},
        .tensorrt_llm = {.note = "clients time out on their own"},
        .llama_server = {.note = "set t_max_predict_ms in the request"}};
}

}  // namespace

void add_limits(std::vector<KnobSpec>& table) {
    table.push_back(default_max_tokens());
    table.push_back(max_prompt_tokens());
    table.push_back(max_queue_length());
    table.push_back(request_timeout_ms());
}

}  // namespace pitwall::presets::rows
