// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

KnobSpec speculative_method() {
    return {
        .id = KnobId::kSpeculativeMethod,
        .name = "speculative_method",
        .group = "speculation",
        .type = KnobType::kChoice,
        .maximum = 3,
        .choices = {"none", "ngram", "suffix", "draft"},
        .help =
            "Where drafts come from, several tokens that one step then verifies; answers stay what they "
            "are. ngram: what followed the same last tokens in this request. suffix: what followed them "
            "most often in all requests of the session. draft: what a smaller model of the same vocabulary "
            "would say (--draft-model FILE, or Engine > Draft model in the window); it takes up to a quarter "
            "of kv_cache_memory_bytes more.",
        .vllm = {.flag = "--speculative-config.method",
                 .choices = ",ngram,suffix,draft_model",
                 .choice_notes = {"", "one key of its JSON; the earliest match is taken there",
                                  "one key of its JSON", "one key of its JSON, beside its model"}},
        .sglang = {.flag = "--speculative-algorithm",
                   .choices = ",NGRAM,-,STANDALONE",
                   .choice_notes = {"", "the corpus is that of the server there", "",
                                    "it also wants --speculative-draft-model-path"}},
        .tensorrt_llm = {.flag = "speculative_config.decoding_type",
                         .choices = ",NGram,SA,Draft_Target",
                         .choice_notes = {"", "", "a suffix automaton of the request alone there",
                                          "it also wants speculative_config.speculative_model"}},
        .llama_server = {
            .flag = "--spec-type",
            .choices = ",ngram-simple,ngram-cache,draft-simple",
            .choice_notes = {"", "", "counts are kept there, as suffix does", "it also wants -md FILE"}}};
}

KnobSpec num_speculative_tokens() {
    return {.id = KnobId::kNumSpeculativeTokens,
            .name = "num_speculative_tokens",
            .group = "speculation",
            .type = KnobType::kInteger,
            .unit = "tokens",
            .minimum = 1,
            .maximum = 8,
            .default_value = 4,
            .help =
                "Most tokens that are drafted for a sequence in one step. They take what the step's token "
                "budget leaves, and never another's place or blocks.",
            .vllm = {.flag = "--speculative-config.num_speculative_tokens"},
            .sglang = {.flag = "--speculative-num-draft-tokens"},
            .tensorrt_llm = {.flag = "speculative_config.max_draft_len"},
            .llama_server = {.flag = "--spec-draft-n-max", .note = "for ngram types their own sizes count"}};
}

KnobSpec speculative_adaptive() {
    return {.id = KnobId::kSpeculativeAdaptive,
            .name = "speculative_adaptive",
            .group = "speculation",
            .type = KnobType::kBoolean,
            .maximum = 1,
            .default_value = 1,
            .help =
                "Chooses for each step how many tokens are drafted, up to num_speculative_tokens, from "
                "measured acceptance and measured step times. Off: always as many as there is room for.",
            .vllm = {.note = "num_speculative_tokens_per_batch_size is a fixed table"},
            .sglang = {.flag = "--speculative-adaptive", .off = "", .note = "for EAGLE drafts only"},
            .tensorrt_llm = {.note = "speculative_config.draft_len_schedule is a fixed table"},
            .llama_server = {.note = "--spec-draft-p-min cuts drafts of a model by their probability"}};
}

}  // namespace

void add_speculation(std::vector<KnobSpec>& table) {
    table.push_back(speculative_method());
    table.push_back(num_speculative_tokens());
    table.push_back(speculative_adaptive());
}

}  // namespace pitwall::presets::rows
