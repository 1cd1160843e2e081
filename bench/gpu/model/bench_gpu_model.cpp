// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a whole model reaches on a device, one JSON line a figure, with one load of it for all that is asked:
//   bench_gpu_model [--model SPEC] [--device DEVICE] [--set KNOB=VALUE]... [--steps N] [--rounds N] PART...
// PART: decode:CONTEXT:BATCH, prefill:TOKENS, convert:DTYPE:MIB (of the pool), or fast and invariant: with batch_invariant off and
// on from there. They run in that order; one that fails is told in its line, and the next goes on.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "app/core/cli/command_line.h"
#include "app/core/cli/console.h"
#include "app/core/session/engine_parts.h"
#include "bench/gpu/model/measure_parts.h"
#include "engine/exec/cuda/plugin/variables.h"
#include "telemetry/names.h"

using namespace pitwall;
using nlohmann::ordered_json;

namespace {

struct Options {
    app::SessionOptions session;
    std::vector<std::string> settings, words;
    bench::Effort effort;
};

/// What is the same for all that one executor computes, and what may be turned.
ordered_json with_facts(ordered_json line, const Options& options, const engine::Executor& executor) {
    line["model"] = options.session.model;
    line["kv_cache_dtype"] = telemetry::name(executor.kv_cache_dtype());
    line["weight_dtype"] = executor.weight_dtype() == presets::WeightDtype::kFp8 ? "fp8" : "file";
    line["batch_invariant"] = executor.batch_invariant();
    return line;
}

void print(const ordered_json& line) {
    app::print_json(line);
    std::fflush(stdout);
}

int run(const Options& options, const std::vector<bench::Part>& parts, engine::Executor& executor) {
    int exit_code = app::kExitDone;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (Status status = executor.status(); !status.ok())
            return app::report(status.error(), app::kExitFailed);
        auto lines = bench::measure(executor, parts[i], options.effort);
        if (lines.ok()) {
            for (ordered_json& line : lines.value()) print(with_facts(std::move(line), options, executor));
            continue;
        }
        print(with_facts({{"what", "failed"}, {"part", options.words[i]}, {"error", lines.error().text()}},
                         options, executor));
        exit_code = app::kExitFailed;
    }
    return exit_code;
}

Result<std::vector<bench::Part>> understand(Options& options) {
    for (const std::string& setting : options.settings)
        if (Status set = options.session.knobs.set_from_text(setting); !set.ok()) return set.error();
    options.effort.step_tokens =
        static_cast<uint32_t>(options.session.knobs.integer(presets::KnobId::kMaxNumBatchedTokens));
    std::vector<bench::Part> parts;
    for (const std::string& word : options.words) {
        auto part = bench::parse_part(word);
        if (!part.ok()) return part.error();
        parts.push_back(part.value());
    }
    return parts;
}

Status check_lengths(const Options& options, const std::vector<bench::Part>& parts,
                     uint32_t max_context_tokens) {
    for (size_t i = 0; i < parts.size(); ++i)
        if (uint64_t{parts[i].tokens} + options.effort.steps > max_context_tokens)
            return Error{fmt::format("{} and {} steps are more than the model's context of {}",
                                     options.words[i], options.effort.steps, max_context_tokens),
                         "ask for fewer"};
    return {};
}

/// Null where it is not understood, which a GPU's executor has refused by then.
ordered_json switch_json(const Result<bool>& asked) {
    return asked.ok() ? ordered_json(asked.value()) : ordered_json();
}

/// With the plug-in's switches, as they were asked for.
ordered_json opened_json(engine::Executor& executor, double model_s, double load_s) {
    return {{"what", "opened"},
            {"device", executor.device().name},
            {"cuda_graphs", switch_json(cuda::graphs_wanted())},
            {"cuda_overlap", switch_json(cuda::overlap_wanted())},
            {"model_s", model_s},
            {"load_s", load_s},
            {"weight_bytes", executor.weight_bytes()},
            {"copy_gb_per_s", executor.measure_bandwidth().value_or(0) / 1e9}};
}

/// Opens the model on the device, and says how long that took.
int open_and_run(const Options& options, const std::vector<bench::Part>& parts) {
    WallClock clock;
    auto opened = app::open_model_and_tokenizer(options.session, true, nullptr);
    if (!opened.ok()) return app::report(opened.error(), app::kExitWrongUse);
    const uint32_t most = opened.value().model->config().max_context_tokens;
    if (Status fits = check_lengths(options, parts, most); !fits.ok())
        return app::report(fits.error(), app::kExitWrongUse);
    const double made_s = static_cast<double>(clock.now_ns()) / 1e9;
    auto executor = app::make_lone_executor(options.session, *opened.value().model, clock, nullptr);
    if (!executor.ok()) return app::report(executor.error(), app::kExitWrongUse);
    opened.value().model->release_pages();
    const double loaded_s = static_cast<double>(clock.now_ns()) / 1e9;
    print(with_facts(opened_json(*executor.value(), made_s, loaded_s - made_s), options, *executor.value()));
    return run(options, parts, *executor.value());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App cli("rates of a whole model on a device, with one load of it");
    Options options;
    options.session.device = "cuda";
    options.session.model = "synthetic:llama-3.1-8b";
    options.session.remark = [](const std::string& sentence) { app::remark(sentence); };
    cli.add_option("--model", options.session.model, "FILE or synthetic:SHAPE");
    cli.add_option("--device", options.session.device, "as pitwall takes it");
    cli.add_option("--set", options.settings, "KNOB=VALUE; repeatable")->allow_extra_args(false);
    cli.add_option("--steps", options.effort.steps, "decoded in a round")->check(CLI::Range(1, 100000));
    cli.add_option("--rounds", options.effort.rounds, "medians of so many")->check(CLI::Range(1, 1000));
    cli.add_option("part", options.words,
                   "decode:CONTEXT:BATCH, prefill:TOKENS, convert:DTYPE:MIB, fast, invariant")
        ->required();
    CLI11_PARSE(cli, argc, argv);
    const auto parts = understand(options);
    if (!parts.ok()) return app::report(parts.error(), app::kExitWrongUse);
    return open_and_run(options, parts.value());
}
