// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/workload/workload_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>

#include "presets/json_text.h"

namespace pitwall::app {

// Made from resources/workloads/ by embed.cmake.
extern const std::string_view kEmbeddedChat;
extern const std::string_view kEmbeddedDocuments;
extern const std::string_view kEmbeddedCode;

namespace {

using nlohmann::json;

void read_chats(const json& file, WorkloadTexts& texts) {
    for (const json& assistant : file.at("assistants"))
        for (const json& turns : assistant.at("conversations"))
            texts.chats.push_back(
                {assistant.at("system").get<std::string>(), turns.get<std::vector<std::string>>()});
}

void read_documents(const json& file, WorkloadTexts& texts) {
    for (const json& document : file.at("documents"))
        texts.documents.push_back({document.at("title").get<std::string>(),
                                   document.at("text").get<std::string>(),
                                   document.at("questions").get<std::vector<std::string>>()});
}

void read_code(const json& file, WorkloadTexts& texts) {
    for (const json& task : file.at("files"))
        texts.code.push_back({task.at("language").get<std::string>(), task.at("text").get<std::string>()});
}

Status read(std::string_view text, std::string_view name, void (*reader)(const json&, WorkloadTexts&),
            WorkloadTexts& texts) {
    const auto file = presets::parse_json(text, name);
    if (!file.ok()) return file.error();
    try {
        reader(file.value(), texts);
    } catch (const json::exception& e) {
        return Error{fmt::format("{} has not the shape of a workload: {}", name, e.what()),
                     "see resources/workloads/"};
    }
    return {};
}

}  // namespace

Result<WorkloadTexts> parse_workload_texts(std::string_view chat_json, std::string_view documents_json,
                                           std::string_view code_json) {
    WorkloadTexts texts;
    if (auto status = read(chat_json, "chat.json", read_chats, texts); !status.ok()) return status.error();
    if (auto status = read(documents_json, "documents.json", read_documents, texts); !status.ok())
        return status.error();
    if (auto status = read(code_json, "code.json", read_code, texts); !status.ok()) return status.error();
    const bool empty_turns = std::any_of(texts.chats.begin(), texts.chats.end(),
                                         [](const ChatScript& chat) { return chat.turns.empty(); });
    const bool empty_questions = std::any_of(texts.documents.begin(), texts.documents.end(),
                                             [](const DocumentTask& d) { return d.questions.empty(); });
    if (texts.chats.empty() || texts.documents.empty() || texts.code.empty() || empty_turns ||
        empty_questions)
        return Error{"a workload file has nothing in it", "see resources/workloads/"};
    return texts;
}

WorkloadTexts shipped_workload_texts() {
    auto texts = parse_workload_texts(kEmbeddedChat, kEmbeddedDocuments, kEmbeddedCode);
    assert(texts.ok());  // a test reads the same files
    return std::move(texts).value();
}

}  // namespace pitwall::app
