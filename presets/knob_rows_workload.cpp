// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/knob_rows.h"

namespace pitwall::presets::rows {

namespace {

/// No server generates its own load: these rows have no equivalent anywhere, and the export says so.
constexpr Spelling kClientSide{.note = "load comes from the client there"};

KnobSpec workload_row(KnobId id, std::string_view name, KnobType type, std::string_view help) {
    return {.id = id,
            .name = name,
            .group = "workload",
            .type = type,
            .effect = KnobEffect::kWorkload,
            .help = help,
            .vllm = kClientSide,
            .sglang = kClientSide,
            .tensorrt_llm = kClientSide,
            .llama_server = kClientSide};
}

KnobSpec workload() {
    KnobSpec row = workload_row(
        KnobId::kWorkload, "workload", KnobType::kChoice,
        "What arrives: conversations over shared system prompts, questions about long documents, code to "
        "complete, sudden bursts of conversations, or a mix of the first three.");
    row.choices = {"none", "chat", "documents", "code", "burst", "mix"};
    row.maximum = 5, row.default_value = 5;
    return row;
}

KnobSpec workload_running() {
    KnobSpec row = workload_row(
        KnobId::kWorkloadRunning, "workload_running", KnobType::kBoolean,
        "Whether the workload sends requests. Off: what is in flight finishes, nothing new arrives.");
    row.maximum = 1, row.default_value = 1;
    return row;
}

KnobSpec arrival_process() {
    KnobSpec row = workload_row(
        KnobId::kArrivalProcess, "arrival_process", KnobType::kChoice,
        "Open loop at request_rate with exponential (poisson), gamma or constant gaps, or a closed loop in "
        "which each of `concurrency` users sends the next request when the last is answered.");
    row.choices = {"poisson", "gamma", "constant", "closed"};
    row.maximum = 3;
    return row;
}

KnobSpec request_rate() {
    KnobSpec row = workload_row(KnobId::kRequestRate, "request_rate", KnobType::kReal,
                                "Mean arrivals a second of the open loop.");
    row.unit = "req/s";
    row.minimum = 0.01, row.maximum = 10000, row.default_value = 1.5, row.step = 0.1, row.logarithmic = true;
    return row;
}

KnobSpec gamma_shape() {
    KnobSpec row = workload_row(KnobId::kGammaShape, "gamma_shape", KnobType::kReal,
                                "Shape of the gamma gaps: 1 is Poisson, below 1 arrivals come in clusters, "
                                "above 1 they are more even. "
                                "Their coefficient of variation is 1/sqrt(shape).");
    row.minimum = 0.05, row.maximum = 100, row.default_value = 0.5, row.step = 0.05, row.logarithmic = true;
    return row;
}

KnobSpec concurrency() {
    KnobSpec row =
        workload_row(KnobId::kConcurrency, "concurrency", KnobType::kInteger, "Users of the closed loop.");
    row.unit = "users";
    row.minimum = 1, row.maximum = 4096, row.default_value = 8, row.logarithmic = true;
    return row;
}

KnobSpec workload_max_prompt_tokens() {
    KnobSpec row = workload_row(
        KnobId::kWorkloadMaxPromptTokens, "workload_max_prompt_tokens", KnobType::kInteger,
        "Longest prompt the workload sends: documents are cut, conversations forget what was said first.");
    row.unit = "tokens";
    row.minimum = 16, row.maximum = 131072, row.default_value = 1024, row.step = 16, row.logarithmic = true;
    return row;
}

KnobSpec workload_max_tokens() {
    KnobSpec row = workload_row(KnobId::kWorkloadMaxTokens, "workload_max_tokens", KnobType::kInteger,
                                "Longest answer the workload asks for.");
    row.unit = "tokens";
    row.minimum = 1, row.maximum = 131072, row.default_value = 64, row.logarithmic = true;
    return row;
}

}  // namespace

void add_workload(std::vector<KnobSpec>& table) {
    table.push_back(workload());
    table.push_back(workload_running());
    table.push_back(arrival_process());
    table.push_back(request_rate());
    table.push_back(gamma_shape());
    table.push_back(concurrency());
    table.push_back(workload_max_prompt_tokens());
    table.push_back(workload_max_tokens());
}

}  // namespace pitwall::presets::rows
