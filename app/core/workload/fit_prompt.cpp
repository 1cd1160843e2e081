// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/workload/fit_prompt.h"

#include <algorithm>
#include <cmath>

#include "app/core/session/make_request.h"

namespace pitwall::app {

namespace {

/// Questions are shorter than this; a longer last paragraph is text like the rest.
constexpr size_t kLongestQuestionBytes = 400;

std::string& longest_text(telemetry::PromptSpec& prompt) {
    if (prompt.messages.empty()) return prompt.prompt;
    const auto shorter = [](const telemetry::ChatMessage& a, const telemetry::ChatMessage& b) {
        return a.content.size() < b.content.size();
    };
    return std::max_element(prompt.messages.begin(), prompt.messages.end(), shorter)->content;
}

/// Keeps about `share` of the text, cut between words (all of these texts are ASCII there), and the question.
void shorten(std::string& text, double share) {
    const size_t paragraph = text.rfind("\n\n");
    const bool question = paragraph != std::string::npos && text.size() - paragraph < kLongestQuestionBytes;
    const std::string tail = question ? text.substr(paragraph) : "";
    const double room = static_cast<double>(text.size()) * share - static_cast<double>(tail.size());
    text.resize(text.size() - tail.size());
    const auto keep = std::min(text.size(), static_cast<size_t>(std::max(room, 0.0)));
    const size_t space = text.rfind(' ', keep);
    text.resize(space == std::string::npos ? 0 : space);
    text += tail;
}

/// Makes the prompt smaller: of a conversation, what was said between the system prompt and the last turn goes first.
void reduce(telemetry::PromptSpec& prompt, double share) {
    if (prompt.messages.size() > 2)
        prompt.messages.erase(prompt.messages.begin() + 1, prompt.messages.end() - 1);
    else
        shorten(longest_text(prompt), share);
}

}  // namespace

Result<engine::GenerationRequest> fit_prompt(telemetry::PromptSpec& prompt,
                                             const engine::Tokenizer& tokenizer, uint32_t limit_tokens) {
    auto request = make_request(prompt, tokenizer);
    for (int tries = 0; tries < 4 && request.ok() && request.value().prompt.size() > limit_tokens; ++tries) {
        reduce(prompt, 0.97 * limit_tokens / static_cast<double>(request.value().prompt.size()));
        request = make_request(prompt, tokenizer);
    }
    // A limit below what frames the text: what is left is cut as tokens.
    if (request.ok() && request.value().prompt.size() > limit_tokens)
        request.value().prompt.resize(std::max(limit_tokens, 1u));
    return request;
}

}  // namespace pitwall::app
