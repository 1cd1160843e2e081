// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/token_runner.h"
#include "app/core/session/engine_parts.h"
#include "telemetry/names.h"
#include "telemetry/stats/quantile.h"

namespace pitwall::app {

namespace {

using nlohmann::ordered_json;

struct BenchOptions {
    std::vector<uint32_t> prompts = {512}, depths = {0}, batches = {1};
    uint32_t generate = 64, repeat = 3;
};

/// One line of output: what is measured.
struct Design {
    uint32_t prompt, depth, batch, generate;
    uint32_t chunk_tokens;  ///< of a prompt in a step: max_num_batched_tokens
    uint32_t max_tokens() const { return depth + prompt + generate; }
};

/// Rates of the repetitions of one design.
struct Rates {
    std::vector<double> prefill, decode;
    double prefill_bytes = 0, decode_bytes = 0;  ///< a step, of the last repetition
};

double seconds_since(const Clock& clock, int64_t begin_ns) {
    return static_cast<double>(std::max<int64_t>(clock.now_ns() - begin_ns, 1)) / 1e9;
}

class Bench {
  public:
    Bench(TokenRunner runner, const Clock& clock, const Design& design, uint32_t vocab_size)
        : runner_(std::move(runner)), clock_(clock), design_(design), tokens_(design.batch) {
        std::mt19937_64 random(design.batch);
        for (auto& tokens : tokens_)
            for (uint32_t i = 0; i < design.max_tokens() + 1; ++i)
                tokens.push_back(static_cast<TokenId>(random() % vocab_size));
    }

    /// Fills the depth, then measures the prompt in chunks and the decodes one by one.
    Status repeat(Rates& rates, Interrupts& interrupts) {
        double bytes = 0;
        if (auto filled = prefill(0, design_.depth, bytes, interrupts); !filled.ok()) return filled;
        const int64_t begin = clock_.now_ns();
        if (auto prefilled = prefill(design_.depth, design_.prompt, bytes, interrupts); !prefilled.ok())
            return prefilled;
        if (design_.prompt > 0)
            rates.prefill.push_back(double(design_.batch) * design_.prompt / seconds_since(clock_, begin));
        rates.prefill_bytes = bytes;
        return decode(rates, interrupts);
    }

  private:
    Status prefill(uint32_t first, uint32_t count, double& bytes, Interrupts& interrupts) {
        for (uint32_t done = 0; done < count; done += design_.chunk_tokens)
            for (uint32_t sequence = 0; sequence < design_.batch; ++sequence) {
                if (interrupts.pending()) return {};
                const uint32_t chunk = std::min(design_.chunk_tokens, count - done);
                const TokenRunner::Slice slice{sequence,
                                               std::span(tokens_[sequence]).subspan(first + done, chunk),
                                               first + done, done + chunk == count};
                const engine::StepResult result = runner_.run({&slice, 1});
                if (!result.status.ok()) return result.status;
                bytes = result.bytes;
            }
        return {};
    }

    Status decode(Rates& rates, Interrupts& interrupts) {
        if (design_.generate == 0) return {};
        const int64_t begin = clock_.now_ns();
        for (uint32_t i = 0; i < design_.generate && !interrupts.pending(); ++i) {
            std::vector<TokenRunner::Slice> slices;
            const uint32_t position = design_.depth + design_.prompt + i;
            for (uint32_t sequence = 0; sequence < design_.batch; ++sequence)
                slices.push_back(
                    {sequence, std::span(tokens_[sequence]).subspan(position, 1), position, true});
            const engine::StepResult result = runner_.run(slices);
            if (!result.status.ok()) return result.status;
            rates.decode_bytes = result.bytes;
        }
        rates.decode.push_back(double(design_.batch) * design_.generate / seconds_since(clock_, begin));
        return {};
    }

    TokenRunner runner_;
    const Clock& clock_;
    Design design_;
    std::vector<std::vector<TokenId>> tokens_;
};

ordered_json spread(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    if (values.empty()) return nullptr;
    return {values.front(), values.back()};
}

ordered_json median(std::vector<double> values) {
    if (values.empty()) return nullptr;
    std::sort(values.begin(), values.end());
    return telemetry::quantile(values, 0.5);
}

ordered_json design_json(const Design& design, const Rates& rates, const engine::Executor& executor,
                         double bandwidth) {
    const engine::DeviceInfo& device = executor.device();
    const auto decode = median(rates.decode);
    const double steps_per_s = decode.is_null() ? 0 : decode.get<double>() / design.batch;
    ordered_json line{{"prompt", design.prompt}, {"depth", design.depth}, {"batch", design.batch}};
    line["prefill_tokens_per_s"] = median(rates.prefill);
    line["decode_tokens_per_s"] = decode;
    line["prefill_spread"] = spread(rates.prefill);
    line["decode_spread"] = spread(rates.decode);
    line["generate"] = design.generate;
    line["repeat"] = std::max(rates.prefill.size(), rates.decode.size());
    line["device"] = device.name;
    line["kernel_tier"] = device.kernel_tier;
    line["threads"] = device.threads;
    line["kv_cache_dtype"] = telemetry::name(executor.kv_cache_dtype());
    if (!device.simulated)
        line["activation_dtype"] = presets::spec(presets::KnobId::kActivationDtype)
                                       .choices[static_cast<size_t>(executor.activation_dtype())];
    if (executor.weight_dtype() != presets::WeightDtype::kFile)
        line["weight_dtype"] = presets::spec(presets::KnobId::kWeightDtype)
                                   .choices[static_cast<size_t>(executor.weight_dtype())];
    if (!executor.batch_invariant()) line["batch_invariant"] = false;
    line["prefill_step_bytes"] = rates.prefill_bytes;
    line["decode_step_bytes"] = rates.decode_bytes;
    if (bandwidth > 0) line["measured_bytes_per_s"] = bandwidth;  // a simulated device has none to measure
    if (bandwidth > 0 && !decode.is_null())
        line["decode_bandwidth_fraction"] = rates.decode_bytes * steps_per_s / bandwidth;
    return line;
}

void print_design(const CommandContext& context, const ordered_json& line) {
    if (context.json) return print_json(line);
    const auto rate = [&](const char* name) {
        return line[name].is_null() ? "not measured" : fmt::format("{:.1f} tok/s", line[name].get<double>());
    };
    const std::string share = line.contains("decode_bandwidth_fraction")
                                  ? fmt::format(", {:.0f} % of the memory bandwidth",
                                                100 * line["decode_bandwidth_fraction"].get<double>())
                                  : "";
    fmt::print("prompt {} depth {} batch {}: prefill {}, decode {}{} ({}, {}, {} threads, KV {}{})\n",
               line["prompt"].get<int>(), line["depth"].get<int>(), line["batch"].get<int>(),
               rate("prefill_tokens_per_s"), rate("decode_tokens_per_s"), share,
               line["device"].get<std::string>(), line["kernel_tier"].get<std::string>(),
               line["threads"].get<int>(), line["kv_cache_dtype"].get<std::string>(),
               line.contains("activation_dtype")
                   ? ", activations " + line["activation_dtype"].get<std::string>()
                   : "");
    std::fflush(stdout);
}

std::vector<Design> designs_of(const BenchOptions& options, uint32_t chunk_tokens) {
    std::vector<Design> designs;
    for (const uint32_t prompt : options.prompts)
        for (const uint32_t depth : options.depths)
            for (const uint32_t batch : options.batches)
                designs.push_back({prompt, depth, batch, options.generate, chunk_tokens});
    return designs;
}

Status check_designs(const std::vector<Design>& designs, uint32_t max_context_tokens) {
    for (const Design& design : designs)
        if (uint64_t{design.depth} + design.prompt + design.generate > max_context_tokens)
            return Error{
                fmt::format(
                    "prompt {}, depth {} and {} generated tokens are more than the model's context of {}",
                    design.prompt, design.depth, design.generate, max_context_tokens),
                "ask for fewer"};
    return {};
}

int bench(const CommandContext& context, const BenchOptions& options) {
    Interrupts interrupts;
    const auto device = parse_device(context.session.device);
    auto opened = open_model_and_tokenizer(context.session, !device.value().simulated(), nullptr);
    if (!opened.ok()) return report(opened.error(), kExitWrongUse);
    const auto chunk = context.session.knobs.integer(presets::KnobId::kMaxNumBatchedTokens);
    const auto designs = designs_of(options, static_cast<uint32_t>(chunk));
    if (auto fits = check_designs(designs, opened.value().model->config().max_context_tokens); !fits.ok())
        return report(fits.error(), kExitWrongUse);
    std::unique_ptr<Clock> clock;
    if (device.value().simulated())
        clock = std::make_unique<VirtualClock>();
    else
        clock = std::make_unique<WallClock>();
    auto executor = make_lone_executor(context.session, *opened.value().model, *clock,
                                       opening_progress(context, interrupts));
    if (!executor.ok()) return report(executor.error(), kExitWrongUse);
    opened.value().model->release_pages();
    const double bandwidth = executor.value()->measure_bandwidth().value_or(0);
    for (const Design& design : designs) {
        auto runner = TokenRunner::create(*executor.value(), design.batch, design.max_tokens() + 1);
        if (!runner.ok()) return report(runner.error(), kExitWrongUse);
        Bench run(std::move(runner).value(), *clock, design, executor.value()->vocab_size());
        Rates rates;
        for (uint32_t i = 0; i < options.repeat && !interrupts.pending(); ++i)
            if (auto status = run.repeat(rates, interrupts); !status.ok())
                return report(status.error(), kExitFailed);
        if (interrupts.pending()) return kExitInterrupted;
        print_design(context, design_json(design, rates, *executor.value(), bandwidth));
    }
    return kExitDone;
}

}  // namespace

void add_bench(CLI::App& app, CommandContext& context) {
    CLI::App* command =
        app.add_subcommand("bench", "engine rates, one line for each prompt, depth and batch");
    const auto options = std::make_shared<BenchOptions>();
    command->add_option("--prompt", options->prompts, "prompt tokens, N,...")
        ->delimiter(',')
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--generate", options->generate, "tokens decoded after it")
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--depth", options->depths, "tokens in the cache before the prompt, N,...")
        ->delimiter(',')
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--batch", options->batches, "sequences at once, N,...")
        ->delimiter(',')
        ->check(CLI::Range(1, 4096));
    command->add_option("--repeat", options->repeat, "repetitions; medians are given")
        ->check(CLI::Range(1, 1000));
    command->callback(
        [&context, options] { context.chosen = [&context, options] { return bench(context, *options); }; });
}

}  // namespace pitwall::app
