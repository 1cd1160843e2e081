// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/json_fields.h"
#include "app/core/cli/token_runner.h"
#include "app/core/session/engine_parts.h"
#include "presets/json_text.h"

namespace pitwall::app {

namespace {

/// Positions whose logits are held at once: 50 MB of them with a vocabulary of 49,152.
constexpr size_t kChunkTokens = 256;

struct ScoredText {
    std::string name;
    std::vector<TokenId> ids;
};

Result<ScoredText> read_scored_line(const nlohmann::json& object, const std::string& where,
                                    const engine::ModelConfig& config) {
    constexpr std::string_view kKnown[] = {"name", "ids"};
    ScoredText text;
    for (const auto& [key, value] : object.items()) {
        if (std::find(std::begin(kKnown), std::end(kKnown), key) == std::end(kKnown))
            return unknown_field(where, key, kKnown);
        if (key == "name" && !value.is_string()) return Error{where + ", field name", "must be a text"};
    }
    if (!object.contains("ids")) return Error{where + " has no ids", "give a list of token ids"};
    if (const std::string wrong =
            read_token_ids(object["ids"], config.vocab_size, config.max_context_tokens, text.ids);
        !wrong.empty())
        return Error{where + ", field ids", wrong};
    text.name = object.value("name", "");
    return text;
}

Result<std::vector<ScoredText>> read_scored(const std::string& path, const engine::ModelConfig& config) {
    const auto text = presets::read_text_file(path, kMaxInputBytes, "a file of {\"name\", \"ids\"} lines");
    if (!text.ok()) return text.error();
    std::vector<ScoredText> texts;
    for (const TextLine& line : lines_of(text.value())) {
        const std::string where = fmt::format("{} line {}", path, line.number);
        const auto object = parse_json_object(line.text, where);
        if (!object.ok()) return object.error();
        auto scored = read_scored_line(object.value(), where, config);
        if (!scored.ok()) return scored.error();
        texts.push_back(std::move(scored).value());
    }
    if (texts.empty()) return Error{path + " holds no line", "give one JSON object a line"};
    return texts;
}

/// -log softmax(logits)[token], in double precision.
double negative_log_likelihood(std::span<const float> logits, TokenId token) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
    return largest + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(token)]);
}

Status written(const std::ofstream& logits) {
    if (logits) return {};
    return Error{fmt::format("cannot write the logits: {}", std::strerror(errno)), "is the disk full?"};
}

class Scorer {
  public:
    Scorer(TokenRunner runner, uint32_t vocab_size, std::ofstream* logits_out)
        : runner_(std::move(runner)),
          vocab_size_(vocab_size),
          logits_out_(logits_out),
          logits_(kChunkTokens * vocab_size) {}

    Status score(const ScoredText& text, Interrupts& interrupts) {
        for (size_t first = 0; first < text.ids.size() && !interrupts.pending(); first += kChunkTokens) {
            const size_t count = std::min(kChunkTokens, text.ids.size() - first);
            const TokenRunner::Slice slice{0, std::span(text.ids).subspan(first, count),
                                           static_cast<uint32_t>(first), false,
                                           std::span(logits_).first(count * vocab_size_)};
            const engine::StepResult result = runner_.run({&slice, 1});
            if (!result.status.ok()) return result.status.error();
            add(text, first, count);
            if (auto written = write(count); !written.ok()) return written;
        }
        return {};
    }
    uint64_t tokens() const { return tokens_; }
    double mean_nll() const { return tokens_ > 0 ? nll_ / static_cast<double>(tokens_) : 0; }

  private:
    void add(const ScoredText& text, size_t first, size_t count) {
        for (size_t i = 0; i < count && first + i + 1 < text.ids.size(); ++i, ++tokens_)
            nll_ += negative_log_likelihood(std::span(logits_).subspan(i * vocab_size_, vocab_size_),
                                            text.ids[first + i + 1]);
    }
    Status write(size_t count) {
        if (!logits_out_) return {};
        logits_out_->write(reinterpret_cast<const char*>(logits_.data()),
                           static_cast<std::streamsize>(count * vocab_size_ * sizeof(float)));
        return written(*logits_out_);
    }

    TokenRunner runner_;
    size_t vocab_size_;
    std::ofstream* logits_out_;
    std::vector<float> logits_;  ///< [kChunkTokens, vocab]
    uint64_t tokens_ = 0;
    double nll_ = 0;
};

void print_score(const CommandContext& context, const Scorer& scorer, double kv_bytes_per_token) {
    if (context.json)
        print_json({{"tokens", scorer.tokens()},
                    {"mean_nll", scorer.mean_nll()},
                    {"perplexity", std::exp(scorer.mean_nll())},
                    {"kv_bytes_per_token", kv_bytes_per_token}});
    else
        fmt::print("tokens {}\nmean_nll {:.6f}\nperplexity {:.4f}\nkv_bytes_per_token {}\n", scorer.tokens(),
                   scorer.mean_nll(), std::exp(scorer.mean_nll()), kv_bytes_per_token);
}

/// What is there already, the scored text itself above all, is not written over by mistake.
Status check_logits_path(const std::string& path, const std::string& ids_path, bool overwrite) {
    std::error_code error;
    if (std::filesystem::equivalent(path, ids_path, error))
        return Error{fmt::format("--ids and --logits are both {}", path), "give two names"};
    const bool full =
        std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) > 0;
    if (full && !overwrite)
        return Error{fmt::format("{} is there already", path),
                     "choose another file name, or add --overwrite"};
    return {};
}

/// The model without its executor, which costs seconds: what is wrong with the file is said first.
int score(const CommandContext& context, const std::string& ids_path, const std::string& logits_path) {
    Interrupts interrupts;
    const auto readable =
        presets::read_text_file(ids_path, kMaxInputBytes, "a file of {\"name\", \"ids\"} lines");
    if (!readable.ok()) return report(readable.error(), kExitWrongUse);
    if (auto status = check_logits_path(logits_path, ids_path, context.session.overwrite); !status.ok())
        return report(status.error(), kExitWrongUse);
    const auto device = parse_device(context.session.device);
    if (device.value().simulated())
        return report({"a simulated device has no logits", "use --device cpu"}, kExitWrongUse);
    auto opened = open_model_and_tokenizer(context.session, true, nullptr);
    if (!opened.ok()) return report(opened.error(), kExitWrongUse);
    const auto texts = read_scored(ids_path, opened.value().model->config());
    if (!texts.ok()) return report(texts.error(), kExitWrongUse);
    std::ofstream out;
    if (!logits_path.empty()) out.open(logits_path, std::ios::binary | std::ios::trunc);
    if (!out)
        return report({fmt::format("cannot write {}: {}", logits_path, std::strerror(errno)),
                       "is the folder there and writable?"},
                      kExitWrongUse);
    WallClock clock;
    auto executor = make_lone_executor(context.session, *opened.value().model, clock,
                                       opening_progress(context, interrupts));
    if (!executor.ok()) return report(executor.error(), kExitWrongUse);
    size_t longest = 0;
    for (const ScoredText& text : texts.value()) longest = std::max(longest, text.ids.size());
    auto runner = TokenRunner::create(*executor.value(), 1, static_cast<uint32_t>(longest));
    if (!runner.ok()) return report(runner.error(), kExitWrongUse);
    Scorer scorer(std::move(runner).value(), executor.value()->vocab_size(),
                  logits_path.empty() ? nullptr : &out);
    for (const ScoredText& text : texts.value())
        if (auto status = scorer.score(text, interrupts); !status.ok())
            return report(status.error(), kExitFailed);
    if (interrupts.pending()) return kExitInterrupted;
    if (!logits_path.empty()) out.close();
    if (auto status = written(out); !status.ok()) return report(status.error(), kExitFailed);
    print_score(context, scorer,
                static_cast<double>(executor.value()->bytes_per_block()) / engine::kBlockTokens);
    return kExitDone;
}

}  // namespace

void add_score(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("score", "next-token scores of given text");
    struct Options {
        std::string ids, logits;
    };
    const auto options = std::make_shared<Options>();
    command->add_option("--ids", options->ids, "FILE of {\"name\", \"ids\"} lines")->required();
    command->add_option("--logits", options->logits,
                        "FILE: raw float32 [positions, vocabulary], all lines in order");
    command->callback([&context, options] {
        context.chosen = [&context, options] { return score(context, options->ids, options->logits); };
    });
}

}  // namespace pitwall::app
