// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// A conversation as its user will lead it: what the assistant answers joins between the turns.
struct ChatScript {
    std::string system;  ///< shared by many scripts, so that their prompts share a prefix
    std::vector<std::string> turns;
};
struct DocumentTask {
    std::string title, text;
    std::vector<std::string> questions;
};
struct CodeTask {
    std::string language, text;  ///< the beginning of a file, to be completed
};

/// What the workloads are made of.
struct WorkloadTexts {
    std::vector<ChatScript> chats;
    std::vector<DocumentTask> documents;
    std::vector<CodeTask> code;
};

Result<WorkloadTexts> parse_workload_texts(std::string_view chat_json, std::string_view documents_json,
                                           std::string_view code_json);

/// The texts of resources/workloads/, which are compiled in so that the program runs anywhere.
WorkloadTexts shipped_workload_texts();

}  // namespace pitwall::app
