// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/checks.h"
#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/generate_run.h"
#include "app/core/cli/json_fields.h"
#include "app/core/cli/numeric_history_json.h"
#include "app/core/cli/output_files.h"
#include "app/core/session/make_request.h"
#include "app/core/session/recording.h"
#include "presets/json_text.h"
#include "telemetry/names.h"

namespace pitwall::app {

namespace {

using engine::FinishReason;
using nlohmann::ordered_json;

struct GenerateOptions {
    telemetry::PromptSpec prompt;
    std::string chat, system, requests_path, record_path;
    std::vector<std::string> at;
    bool ignore_eos = false, prompt_given = false, chat_given = false;
    uint32_t min_tokens = 0;
    double timeout_s = 0;
};

ordered_json timing_json(const GenerationOutcome& outcome) {
    const auto ms = [](int64_t ns) { return static_cast<double>(ns) / 1e6; };
    ordered_json timing{{"arrival_ms", ms(std::max<int64_t>(outcome.arrival_ns, 0))}};
    if (outcome.first_token_ns >= 0) timing["ttft_ms"] = ms(outcome.first_token_ns - outcome.arrival_ns);
    if (outcome.output_tokens > 1)
        timing["tpot_ms"] = ms(outcome.last_token_ns - outcome.first_token_ns) / (outcome.output_tokens - 1);
    if (outcome.end_ns >= 0) timing["e2e_ms"] = ms(outcome.end_ns - outcome.arrival_ns);
    return timing;
}

ordered_json outcome_json(const GenerationOutcome& outcome, const std::string& id) {
    ordered_json line;
    if (!id.empty()) line["id"] = id;
    line["ids"] = outcome.ids;
    line["text"] = outcome.text;
    line["finish_reason"] = telemetry::name(outcome.reason);
    if (!outcome.error.empty()) line["error"] = outcome.error;
    line["usage"] = {{"prompt_tokens", outcome.prompt_tokens},
                     {"cached_tokens", outcome.cached_tokens},
                     {"output_tokens", outcome.output_tokens}};
    if (!outcome.numeric_history.empty())
        line["numeric_history"] = numeric_history_json(outcome.numeric_history);
    line["timing"] = timing_json(outcome);
    return line;
}

/// An engine and its recording, from before the first event to after the last.
struct Started {
    std::unique_ptr<EngineParts> parts;
    std::unique_ptr<Recording> recording;
};

Result<Started> start_engine(const CommandContext& context, Interrupts& interrupts) {
    auto parts = assemble_engine(context.session, opening_progress(context, interrupts));
    if (!parts.ok()) return parts.error();
    return Started{std::move(parts).value(), nullptr};
}

void say_if_simulated(const EngineParts& parts) {
    if (parts.engine->device().simulated)
        remark("a simulated device keeps time alone: its tokens say nothing");
}

/// Once the requests are known to be right: a command that is refused leaves nothing behind.
Status start_recording(Started& started, const SessionOptions& session, const std::string& record_path) {
    if (record_path.empty()) return {};
    auto recording = Recording::begin(started.parts->bus, record_path, session.overwrite, session.knobs);
    if (!recording.ok()) return recording.error();
    started.recording = std::move(recording).value();
    started.recording->listen();
    return {};
}

std::vector<GenerationOutcome> run_all(Started& started, const SessionOptions& session,
                                       std::vector<ScheduledKnob> knobs, std::vector<FileRequest> requests,
                                       Interrupts& interrupts, const GenerateRun::OnText& on_text) {
    GenerateRun run(*started.parts, std::move(knobs), on_text);
    started.parts->begin_clock();
    publish_session_facts(*started.parts, session, std::chrono::system_clock::now());
    started.parts->engine->publish_start();
    auto outcomes = run.run(std::move(requests), interrupts);
    if (started.recording)
        if (const Status ended = started.recording->end(); !ended.ok())
            remark("recording: " + ended.error().text());
    return outcomes;
}

Result<FileRequest> single_request(const GenerateOptions& options, const engine::Tokenizer& tokenizer) {
    telemetry::PromptSpec prompt = options.prompt;
    if (options.chat_given) {
        if (!options.system.empty()) prompt.messages.push_back({"system", options.system});
        prompt.messages.push_back({"user", options.chat});
    }
    auto request = make_request(prompt, tokenizer);
    if (!request.ok()) return request.error();
    FileRequest single{"", std::move(request).value()};
    single.request.ignore_eos = options.ignore_eos;
    single.request.min_tokens = options.min_tokens;
    single.request.timeout_ns = static_cast<int64_t>(options.timeout_s * 1e9);
    return single;
}

void write_now(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

int generate_one(const CommandContext& context, const GenerateOptions& options,
                 std::vector<ScheduledKnob> knobs) {
    Interrupts interrupts;
    auto started = start_engine(context, interrupts);
    if (!started.ok()) return report(started.error(), kExitWrongUse);
    auto request = single_request(options, started.value().parts->tokenizer());
    if (!request.ok()) return report(request.error(), kExitWrongUse);
    if (auto begun = start_recording(started.value(), context.session, options.record_path); !begun.ok())
        return report(begun.error(), kExitWrongUse);
    say_if_simulated(*started.value().parts);
    std::vector<FileRequest> requests;
    requests.push_back(std::move(request).value());
    const auto on_text = context.json ? GenerateRun::OnText() : write_now;
    const auto outcomes =
        run_all(started.value(), context.session, std::move(knobs), std::move(requests), interrupts, on_text);
    const GenerationOutcome& outcome = outcomes.front();
    if (outcome.reason == FinishReason::kRejected)
        return report({"the request was rejected", outcome.error}, kExitWrongUse);
    if (context.json)
        print_json(outcome_json(outcome, ""));
    else
        write_now("\n");
    if (interrupts.pending()) return kExitInterrupted;
    if (outcome.reason == FinishReason::kFailed)
        return report({"the request failed", outcome.error}, kExitFailed);
    if (!context.json && !outcome.error.empty()) remark(outcome.error);
    return kExitDone;
}

/// One that ran out of its own time, or that Ctrl-C ended, went as it was asked to.
bool went_wrong(const GenerationOutcome& outcome) {
    return outcome.reason == FinishReason::kRejected || outcome.reason == FinishReason::kFailed;
}

/// Others went on, so that this is no failure of the program: who reads no line of it still learns that answers are missing.
void tell_of_failures(const std::vector<GenerationOutcome>& outcomes, const std::vector<std::string>& ids) {
    const auto first = std::find_if(outcomes.begin(), outcomes.end(), went_wrong);
    if (first == outcomes.end()) return;
    remark(fmt::format(
        "{} of {} requests were rejected or failed: each line's \"error\" says why; the first is \"{}\": {}",
        std::count_if(outcomes.begin(), outcomes.end(), went_wrong), outcomes.size(),
        ids[static_cast<size_t>(first - outcomes.begin())], first->error));
}

int generate_file(const CommandContext& context, const GenerateOptions& options,
                  std::vector<ScheduledKnob> knobs) {
    Interrupts interrupts;
    auto text =
        presets::read_text_file(options.requests_path, kMaxInputBytes, "a file of one JSON object a line");
    if (!text.ok()) return report(text.error(), kExitWrongUse);
    auto started = start_engine(context, interrupts);
    if (!started.ok()) return report(started.error(), kExitWrongUse);
    EngineParts& parts = *started.value().parts;
    auto requests =
        parse_requests(text.value(), options.requests_path, parts.tokenizer(), parts.config().vocab_size);
    if (!requests.ok()) return report(requests.error(), kExitWrongUse);
    if (auto begun = start_recording(started.value(), context.session, options.record_path); !begun.ok())
        return report(begun.error(), kExitWrongUse);
    say_if_simulated(*started.value().parts);
    std::vector<std::string> ids;
    for (const FileRequest& request : requests.value()) ids.push_back(request.id);
    const auto outcomes = run_all(started.value(), context.session, std::move(knobs),
                                  std::move(requests).value(), interrupts, nullptr);
    for (size_t i = 0; i < outcomes.size(); ++i) print_json(outcome_json(outcomes[i], ids[i]));
    tell_of_failures(outcomes, ids);
    return interrupts.pending() ? kExitInterrupted : kExitDone;
}

int generate(CommandContext& context, const GenerateOptions& options) {
    // What runs is what was asked for here, whatever workload a preset names.
    context.session.knobs.set(presets::KnobId::kWorkload, 0);
    const int sources =
        int{options.prompt_given} + int{options.chat_given} + int{!options.requests_path.empty()};
    if (sources != 1)
        return report({fmt::format("generate was given {} of --prompt, --chat and --requests", sources),
                       "give exactly one"},
                      kExitWrongUse);
    if (auto status = check_output_files(options.record_path, "", context.session.overwrite); !status.ok())
        return report(status.error(), kExitWrongUse);
    auto knobs = parse_scheduled_knobs(options.at);
    if (!knobs.ok()) return report(knobs.error(), kExitWrongUse);
    if (!options.requests_path.empty()) return generate_file(context, options, std::move(knobs).value());
    return generate_one(context, options, std::move(knobs).value());
}

void add_sampling_options(CLI::App& command, GenerateOptions& options) {
    telemetry::PromptSpec& prompt = options.prompt;
    command.add_option("--max-tokens", prompt.max_tokens, "longest answer")->check(CLI::Range(1, 1'000'000));
    command.add_option("--min-tokens", options.min_tokens, "no end before that many")
        ->check(CLI::Range(0, 1'000'000));
    command.add_option("--temperature", prompt.temperature, "0 is greedy");
    command.add_option("--top-k", prompt.top_k, "0: all");
    command.add_option("--top-p", prompt.top_p);
    command.add_option("--min-p", prompt.min_p);
    command.add_option("--repetition-penalty", prompt.repetition_penalty);
    command.add_option("--stop", prompt.stop, "the text ends before it; repeatable")->allow_extra_args(false);
    command.add_flag("--ignore-eos", options.ignore_eos, "go on after an end token");
    command.add_option("--priority", prompt.priority, "lower goes first");
    command.add_option("--timeout", options.timeout_s, "seconds")->check(number_between(0, 86400.0 * 365));
}

}  // namespace

void add_generate(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("generate", "one answer, or many from a file of requests");
    const auto options = std::make_shared<GenerateOptions>();
    CLI::Option* prompt = command->add_option("--prompt", options->prompt.prompt, "plain text to continue");
    CLI::Option* chat =
        command->add_option("--chat", options->chat, "a message to answer, in the model's chat template");
    command->add_option("--system", options->system, "system prompt of --chat");
    command->add_option("--requests", options->requests_path, "FILE of one JSON object a line");
    command->add_option("--at", options->at, "STEP:KNOB=VALUE: turned before that step; repeatable")
        ->allow_extra_args(false);
    command->add_option("--record", options->record_path, "FILE: records the session");
    add_sampling_options(*command, *options);
    command->callback([&context, options, prompt, chat] {
        options->prompt_given = prompt->count() > 0, options->chat_given = chat->count() > 0;
        options->prompt.seed = context.session.seed;
        context.chosen = [&context, options] { return generate(context, *options); };
    });
}

}  // namespace pitwall::app
