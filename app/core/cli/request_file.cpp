// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/request_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "app/core/cli/json_fields.h"
#include "app/core/cli/numeric_history_json.h"
#include "presets/json_text.h"

namespace pitwall::app {

namespace {

using nlohmann::json;

constexpr size_t kMostTokens = 1'000'000, kMostStops = 64;

/// One line on its way to a request. A reader of a field gives "" or what is wrong with the value.
struct Line {
    FileRequest out;
    const engine::Tokenizer& tokenizer;
    uint32_t vocab_size;
    std::string text;
    std::vector<telemetry::ChatMessage> messages;
};

std::string read_id(const json& value, Line& line) {
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
        return "must be a text that is not empty";
    line.out.id = value.get<std::string>();
    return "";
}

std::string read_prompt(const json& value, Line& line) {
    if (!value.is_string()) return "must be a text";
    line.text = value.get<std::string>();
    line.out.request.prompt = line.tokenizer.encode(line.text, true);
    return line.out.request.prompt.empty() ? "holds no token" : "";
}

std::string read_ids(const json& value, Line& line) {
    return read_token_ids(value, line.vocab_size, kMostTokens, line.out.request.prompt);
}

std::string read_messages_field(const json& value, Line& line) {
    if (std::string wrong = read_messages(value, line.messages); !wrong.empty()) return wrong;
    auto text = line.tokenizer.render_chat(line.messages);
    if (!text.ok()) return "cannot be rendered: " + text.error().text();
    line.text = std::move(text).value();
    line.out.request.prompt = line.tokenizer.encode(line.text, true);
    return line.out.request.prompt.empty() ? "hold no token" : "";
}

std::string read_stop(const json& value, Line& line) {
    const json list = value.is_string() ? json::array({value}) : value;
    if (!list.is_array() || list.size() > kMostStops)
        return fmt::format("must be a text or a list of up to {}", kMostStops);
    for (const json& stop : list) {
        if (!stop.is_string() || stop.get_ref<const std::string&>().empty())
            return "must hold texts that are not empty";
        line.out.request.stop.push_back(stop.get<std::string>());
    }
    return "";
}

template <class T>
std::string read_whole(const json& value, int64_t low, int64_t high, T& out) {
    const bool whole =
        value.is_number_integer() &&
        !(value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
    if (!whole || value.get<int64_t>() < low || value.get<int64_t>() > high)
        return fmt::format("must be a whole number from {} to {}", low, high);
    out = static_cast<T>(value.get<int64_t>());
    return "";
}

/// `above`: the lower bound itself is not allowed.
std::string read_real(const json& value, double low, double high, bool above, float& out) {
    const double number = value.is_number() ? value.get<double>() : NAN;
    if (!(number >= low && number <= high) || (above && number <= low))
        return fmt::format("must be a number {} {} to {}", above ? "above" : "from", low, high);
    out = static_cast<float>(number);
    return "";
}

std::string read_seed(const json& value, Line& line) {
    if (!value.is_number_unsigned()) return "must be a whole number from 0 to 2^64 - 1";
    line.out.request.sampling.seed = value.get<uint64_t>();
    return "";
}

std::string read_ms(const json& value, int64_t& out_ns) {
    constexpr double kLongest_ms = 86400e3 * 365;
    const double ms = value.is_number() ? value.get<double>() : -1;
    if (!(ms >= 0 && ms <= kLongest_ms)) return "must be a number of milliseconds, 0 or more";
    out_ns = std::llround(ms * 1e6);
    return "";
}

std::string read_flag(const json& value, bool& out) {
    if (!value.is_boolean()) return "must be true or false";
    out = value.get<bool>();
    return "";
}

using FieldReader = std::string (*)(const json&, Line&);
struct Field {
    std::string_view name;
    FieldReader read;
};

constexpr Field kFields[] = {
    {"id", read_id},
    {"prompt", read_prompt},
    {"ids", read_ids},
    {"messages", read_messages_field},
    {"max_tokens",
     [](const json& v, Line& l) { return read_whole(v, 1, 1'000'000, l.out.request.max_tokens); }},
    {"temperature",
     [](const json& v, Line& l) { return read_real(v, 0, 100, false, l.out.request.sampling.temperature); }},
    {"top_k",
     [](const json& v, Line& l) { return read_whole(v, 0, INT32_MAX, l.out.request.sampling.top_k); }},
    {"top_p", [](const json& v, Line& l) { return read_real(v, 0, 1, true, l.out.request.sampling.top_p); }},
    {"min_p", [](const json& v, Line& l) { return read_real(v, 0, 1, false, l.out.request.sampling.min_p); }},
    {"repetition_penalty",
     [](const json& v, Line& l) {
         return read_real(v, 0, 100, true, l.out.request.sampling.repetition_penalty);
     }},
    {"seed", read_seed},
    {"stop", read_stop},
    {"ignore_eos", [](const json& v, Line& l) { return read_flag(v, l.out.request.ignore_eos); }},
    {"min_tokens",
     [](const json& v, Line& l) { return read_whole(v, 0, 1'000'000, l.out.request.min_tokens); }},
    {"priority",
     [](const json& v, Line& l) { return read_whole(v, INT32_MIN, INT32_MAX, l.out.request.priority); }},
    {"timeout_ms", [](const json& v, Line& l) { return read_ms(v, l.out.request.timeout_ns); }},
    {"numeric_history",
     [](const json& v, Line& l) { return read_numeric_history(v, l.out.request.numeric_history); }},
    {"arrival_ms", [](const json& v, Line& l) { return read_ms(v, l.out.request.arrival_ns); }},
};

std::vector<std::string_view> field_names() {
    std::vector<std::string_view> names;
    for (const Field& field : kFields) names.push_back(field.name);
    return names;
}

Status read_fields(const json& object, const std::string& where, Line& line) {
    for (const auto& [key, value] : object.items()) {
        const auto* field = std::find_if(std::begin(kFields), std::end(kFields),
                                         [&, k = &key](const Field& f) { return f.name == *k; });
        if (field == std::end(kFields)) return unknown_field(where, key, field_names());
        if (const std::string wrong = field->read(value, line); !wrong.empty())
            return Error{fmt::format("{}, field {}", where, key), wrong};
    }
    const auto given = object.count("prompt") + object.count("ids") + object.count("messages");
    if (given != 1)
        return Error{
            fmt::format("{} has {} of prompt, ids and messages", where, given == 0 ? "none" : "several"),
            "give exactly one of them"};
    if (line.out.id.empty()) return Error{where + " has no id", "give it one"};
    if (line.out.request.min_tokens > line.out.request.max_tokens && line.out.request.max_tokens > 0)
        return Error{where + ", field min_tokens", "must not be above max_tokens"};
    return {};
}

}  // namespace

Result<std::vector<FileRequest>> parse_requests(std::string_view text, std::string_view origin,
                                                const engine::Tokenizer& tokenizer, uint32_t vocab_size) {
    std::vector<FileRequest> requests;
    std::unordered_map<std::string, size_t> line_of;
    for (const TextLine& raw_line : lines_of(text)) {
        const std::string where = fmt::format("{} line {}", origin, raw_line.number);
        auto object = parse_json_object(raw_line.text, where);
        if (!object.ok()) return object.error();
        Line line{{}, tokenizer, vocab_size, {}, {}};
        if (auto status = read_fields(object.value(), where, line); !status.ok()) return status.error();
        const auto [first, fresh] = line_of.emplace(line.out.id, raw_line.number);
        if (!fresh)
            return Error{fmt::format("{} has the id \"{}\" of line {}", where, line.out.id, first->second),
                         "give each request an id of its own"};
        line.out.request.prompt_text = std::move(line.text);
        line.out.request.request_class = "file";
        requests.push_back(std::move(line.out));
    }
    if (requests.empty())
        return Error{fmt::format("{} holds no request", origin), "give one JSON object a line"};
    return requests;
}

}  // namespace pitwall::app
