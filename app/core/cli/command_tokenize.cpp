// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/json_fields.h"
#include "app/core/session/engine_parts.h"

namespace pitwall::app {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// One line of stdin to one line of stdout.
using LineFilter = Result<ordered_json> (*)(const json& line, const std::string& where,
                                            const engine::Tokenizer& tokenizer);

Error wrong_field(const std::string& where, std::string_view field, std::string_view what) {
    return {fmt::format("{}, field {}", where, field), std::string(what)};
}

Status known_fields(const json& line, const std::string& where, std::span<const std::string_view> known) {
    for (const auto& [key, value] : line.items())
        if (std::find(known.begin(), known.end(), key) == known.end())
            return unknown_field(where, key, known);
    return {};
}

Result<ordered_json> tokenize_messages(const json& line, const std::string& where,
                                       const engine::Tokenizer& tokenizer) {
    std::vector<telemetry::ChatMessage> messages;
    if (const std::string wrong = read_messages(line["messages"], messages); !wrong.empty())
        return wrong_field(where, "messages", wrong);
    const auto text = tokenizer.render_chat(messages);
    if (!text.ok()) return wrong_field(where, "messages", text.error().text());
    return ordered_json{{"ids", tokenizer.encode(text.value(), true)}, {"text", text.value()}};
}

Result<ordered_json> tokenize_line(const json& line, const std::string& where,
                                   const engine::Tokenizer& tokenizer) {
    constexpr std::string_view kKnown[] = {"text", "special", "messages"};
    if (auto status = known_fields(line, where, kKnown); !status.ok()) return status.error();
    if (line.contains("messages") == line.contains("text"))
        return Error{where + " has not one of text and messages", "give exactly one of them"};
    if (line.contains("messages")) return tokenize_messages(line, where, tokenizer);
    if (!line["text"].is_string()) return wrong_field(where, "text", "must be a text");
    if (line.contains("special") && !line["special"].is_boolean())
        return wrong_field(where, "special", "must be true or false");
    return ordered_json{
        {"ids", tokenizer.encode(line["text"].get_ref<const std::string&>(), line.value("special", true))}};
}

Result<ordered_json> detokenize_line(const json& line, const std::string& where,
                                     const engine::Tokenizer& tokenizer) {
    constexpr std::string_view kKnown[] = {"ids"};
    if (auto status = known_fields(line, where, kKnown); !status.ok()) return status.error();
    std::vector<TokenId> ids;
    const json list = line.value("ids", json());
    if (list.is_array() && list.empty()) return ordered_json{{"text", ""}};
    if (const std::string wrong = read_token_ids(list, tokenizer.vocab_size(), SIZE_MAX, ids); !wrong.empty())
        return wrong_field(where, "ids", wrong);
    return ordered_json{{"text", tokenizer.decode(ids)}};
}

/// All lines are read before the first answer: a wrong one leaves nothing on stdout.
int filter_stdin(const CommandContext& context, LineFilter filter) {
    auto opened = open_model_and_tokenizer(context.session, false, nullptr);
    if (!opened.ok()) return report(opened.error(), kExitWrongUse);
    const auto text = read_stdin(kMaxInputBytes);
    if (!text.ok()) return report(text.error(), kExitWrongUse);
    std::string out;
    for (const TextLine& line : lines_of(text.value())) {
        const std::string where = fmt::format("stdin line {}", line.number);
        const auto object = parse_json_object(line.text, where);
        if (!object.ok()) return report(object.error(), kExitWrongUse);
        const auto answer = filter(object.value(), where, *opened.value().tokenizer);
        if (!answer.ok()) return report(answer.error(), kExitWrongUse);
        out += json_text(answer.value());
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    return kExitDone;
}

void add_filter(CLI::App& app, CommandContext& context, const char* name, const char* help,
                LineFilter filter) {
    app.add_subcommand(name, help)->callback([&context, filter] {
        context.chosen = [&context, filter] { return filter_stdin(context, filter); };
    });
}

}  // namespace

void add_tokenize(CLI::App& app, CommandContext& context) {
    add_filter(app, context, "tokenize",
               R"(JSON lines {"text", "special"} or {"messages"} on stdin to {"ids"})", tokenize_line);
}

void add_detokenize(CLI::App& app, CommandContext& context) {
    add_filter(app, context, "detokenize", R"(JSON lines {"ids"} on stdin to {"text"})", detokenize_line);
}

}  // namespace pitwall::app
