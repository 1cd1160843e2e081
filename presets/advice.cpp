// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "presets/knob.h"
#include "presets/nearest.h"

namespace pitwall::presets {

namespace {

/// What is no knob here, by their names in the form of plain().
struct Elsewhere {
    std::vector<std::string_view> names;
    std::string_view here;
};

const std::vector<Elsewhere>& elsewhere() {
    static const std::vector<Elsewhere> rows = {
        {{"tensor_parallel_size", "tensor_parallel", "tp_size", "tp", "tensor_split", "split_mode"},
         "several GPUs share a model with --device cuda:0,1 (or cuda:0-3): tensor parallel"},
        {{"pipeline_parallel_size", "pp_size", "pp", "data_parallel_size", "dp_size", "dp"},
         "there is tensor parallelism alone: --device cuda:0,1"},
        {{"gpu_memory_utilization", "mem_fraction_static", "free_gpu_memory_fraction"},
         "--set kv_cache_memory_bytes=8GiB bounds the KV cache; left out, it takes 85 % of what a GPU has "
         "free"},
        {{"max_model_len", "context_length", "max_seq_len"},
         "the context is the model's; --set max_prompt_tokens=N bounds prompts"},
        {{"dtype"},
         "weights stay as the file has them but for --set weight_dtype=fp8; activation_dtype=... and "
         "kv_cache_dtype=... choose the rest"},
        {{"n_gpu_layers", "gpu_layers", "ngl"}, "--device cuda has the whole model on a GPU"},
        {{"speculative_config", "speculative_algorithm"},
         "--set speculative_method=ngram or suffix, or --draft-model FILE"},
        {{"max_new_tokens", "max_completion_tokens"}, "generate has --max-tokens N"},
    };
    return rows;
}

/// "--tensor-parallel-size=2" is "tensor_parallel_size".
std::string plain(std::string_view name) {
    name = name.substr(0, name.find('='));
    name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
    std::string out(name);
    std::replace(out.begin(), out.end(), '-', '_');
    return out;
}

/// Flags are separated by spaces.
bool spells(const Spelling& theirs, const std::string& name) {
    for (std::string_view flags : {theirs.flag, theirs.off})
        while (!flags.empty()) {
            const std::string_view flag = flags.substr(0, flags.find(' '));
            if (plain(flag) == name) return true;
            flags.remove_prefix(std::min(flag.size() + 1, flags.size()));
        }
    return false;
}

const KnobSpec* knob_called(const std::string& name) {
    if (const KnobSpec* own = find_knob(name)) return own;
    for (const KnobSpec& knob : knob_table())
        for (const Spelling* theirs : {&knob.vllm, &knob.sglang, &knob.tensorrt_llm, &knob.llama_server})
            if (spells(*theirs, name)) return &knob;
    return nullptr;
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         const std::string& otherwise) {
    const std::string_view best = nearest(word, candidates);
    if (best.empty() || !is_like(word, best)) return otherwise;
    std::string rest = otherwise;
    if (!rest.empty() && rest[0] >= 'a' && rest[0] <= 'z') rest[0] = static_cast<char>(rest[0] - 'a' + 'A');
    return fmt::format("did you mean {}?{}{}", best, rest.empty() ? "" : " ", rest);
}

std::string called_here(std::string_view name) {
    const std::string wanted = plain(name);
    for (const Elsewhere& row : elsewhere())
        if (std::find(row.names.begin(), row.names.end(), wanted) != row.names.end())
            return std::string(row.here);
    const KnobSpec* const knob = knob_called(wanted);
    return knob ? fmt::format("that is --set {}=VALUE here", knob->name) : "";
}

std::string knob_advice(std::string_view name) {
    if (std::string here = called_here(name); !here.empty()) return here;
    const std::string_view likeliest = nearest_knob_name(name);
    return did_you_mean(name, {&likeliest, 1}, "`pitwall knobs` lists them");
}

}  // namespace pitwall::presets
