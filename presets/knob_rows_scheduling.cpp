// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

KnobSpec max_num_seqs() {
    return {.id = KnobId::kMaxNumSeqs,
            .name = "max_num_seqs",
            .group = "scheduling",
            .type = KnobType::kInteger,
            .unit = "sequences",
            .minimum = 1,
            .maximum = 4096,
            .default_value = 16,
            .logarithmic = true,
            .help =
                "Most sequences that run at once. Lowering it drains: what runs finishes, nothing new is "
                "admitted "
                "until the count is below.",
            .vllm = {.flag = "--max-num-seqs"},
            .sglang = {.flag = "--max-running-requests"},
            .tensorrt_llm = {.flag = "max_batch_size"},
            .llama_server = {.flag = "--parallel", .note = "slots are fixed and share --ctx-size"}};
}

KnobSpec max_num_batched_tokens() {
    return {.id = KnobId::kMaxNumBatchedTokens,
            .name = "max_num_batched_tokens",
            .group = "scheduling",
            .type = KnobType::kInteger,
            .unit = "tokens",
            .minimum = 1,
            .maximum = 131072,
            .default_value = 256,
            .logarithmic = true,
            .help =
                "Token budget of one step, shared by prefill chunks and decodes. Larger steps raise "
                "throughput and "
                "lengthen every gap between tokens.",
            .vllm = {.flag = "--max-num-batched-tokens"},
            .sglang = {.flag = "--max-prefill-tokens",
                       .note = "bounds the prefill tokens of a batch; decodes are not counted"},
            .tensorrt_llm = {.flag = "max_num_tokens"},
            .llama_server = {.flag = "--batch-size",
                             .note = "the logical batch; --ubatch-size bounds what is computed at once"}};
}

KnobSpec enable_chunked_prefill() {
    return {.id = KnobId::kEnableChunkedPrefill,
            .name = "enable_chunked_prefill",
            .group = "scheduling",
            .type = KnobType::kBoolean,
            .maximum = 1,
            .default_value = 1,
            .help =
                "Long prompts are computed in pieces that share steps with decodes. Off: a prompt runs "
                "whole, in a "
                "step of its own when it is above the budget.",
            .vllm = {.flag = "--enable-chunked-prefill", .off = "--no-enable-chunked-prefill"},
            .sglang = {.off = "--chunked-prefill-size -1"},
            .tensorrt_llm = {.flag = "enable_chunked_prefill"},
            .llama_server = {.note = "prompts are always computed in pieces of --batch-size"}};
}

KnobSpec long_prefill_token_threshold() {
    return {.id = KnobId::kLongPrefillTokenThreshold,
            .name = "long_prefill_token_threshold",
            .group = "scheduling",
            .type = KnobType::kInteger,
            .unit = "tokens",
            .minimum = 0,
            .maximum = 131072,
            .default_value = 0,
            .logarithmic = true,
            .off_value = 0,
            .help = "Chunk size: most tokens of one prompt in one step. Off: as many as the budget leaves.",
            .vllm = {.flag = "--long-prefill-token-threshold", .has_off = true},
            .sglang = {.flag = "--chunked-prefill-size"},
            .tensorrt_llm = {.note = "the chunk is what max_num_tokens leaves"},
            .llama_server = {.note = "the chunk is --batch-size"}};
}

KnobSpec scheduling_policy() {
    return {
        .id = KnobId::kSchedulingPolicy,
        .name = "scheduling_policy",
        .group = "scheduling",
        .type = KnobType::kChoice,
        .maximum = 3,
        .choices = {"fcfs", "priority", "shortest_prompt", "longest_prefix"},
        .help =
            "Who is admitted first: first come, lowest priority number, shortest prompt, or the longest "
            "prefix "
            "found in the cache. Ties go by arrival.",
        .vllm = {.flag = "--scheduling-policy", .choices = "fcfs,priority,-,-"},
        .sglang = {.flag = "--schedule-policy",
                   .choices = "fcfs,priority,-,lpm",
                   .choice_notes = {"", "it also wants --enable-priority-scheduling; higher goes first there",
                                    ""}},
        .tensorrt_llm = {.flag = "scheduler_config.waiting_queue_policy",
                         .choices = "fcfs,priority,-,-",
                         .choice_notes = {"", "higher goes first there", ""}},
        .llama_server = {.note = "first come, first served"}};
}

KnobSpec batching() {
    return {.id = KnobId::kBatching,
            .name = "batching",
            .group = "scheduling",
            .type = KnobType::kChoice,
            .maximum = 1,
            .choices = {"continuous", "static"},
            .help =
                "Continuous: a sequence joins as soon as there is room. Static, for comparison: the next "
                "batch is "
                "admitted when the whole last one is done.",
            .vllm = {.note = "batching is always continuous"},
            .sglang = {.note = "batching is always continuous"},
            .tensorrt_llm = {.note = "in-flight (continuous) batching is what its PyTorch backend does"},
            .llama_server = {.note = "continuous batching is its default; --no-cont-batching, which waits "
                                     "for idle slots, comes nearest to static"}};
}

}  // namespace

void add_scheduling(std::vector<KnobSpec>& table) {
    table.push_back(max_num_seqs());
    table.push_back(max_num_batched_tokens());
    table.push_back(enable_chunked_prefill());
    table.push_back(long_prefill_token_threshold());
    table.push_back(scheduling_policy());
    table.push_back(batching());
}

}  // namespace pitwall::presets::rows
