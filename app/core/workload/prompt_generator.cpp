// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/workload/prompt_generator.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pitwall::app {

namespace {

/// Conversations kept: what an overloaded console has not answered by then is forgotten, so that nothing grows.
constexpr size_t kMostConversations = 256;
/// Of the arrivals that could continue a conversation, so many in a hundred do; the others begin one.
constexpr uint32_t kContinuePercent = 70;

}  // namespace

uint32_t PromptGenerator::draw(uint32_t low, uint32_t high) {
    if (low >= high) return high;
    return low + static_cast<uint32_t>(random_() % (high - low + 1));
}

WorkloadPrompt PromptGenerator::next(WorkloadKind kind, uint32_t max_tokens) {
    assert(kind != WorkloadKind::kNone);
    ++prompts_;
    if (kind == WorkloadKind::kMix) {
        const uint32_t dice = draw(1, 100);
        kind = dice <= 60 ? WorkloadKind::kChat : dice <= 80 ? WorkloadKind::kDocuments : WorkloadKind::kCode;
    }
    if (kind == WorkloadKind::kDocuments) return next_document(max_tokens);
    if (kind == WorkloadKind::kCode) return next_code(max_tokens);
    return next_chat(max_tokens);
}

PromptGenerator::Conversation PromptGenerator::begin_conversation() {
    Conversation conversation{++last_id_, random_() % texts_.chats.size(), 0, {}};
    conversation.messages.push_back({"system", texts_.chats[conversation.script].system});
    return conversation;
}

WorkloadPrompt PromptGenerator::next_chat(uint32_t max_tokens) {
    const bool goes_on = !ready_.empty() && draw(1, 100) <= kContinuePercent;
    Conversation conversation = goes_on ? std::move(ready_.front()) : begin_conversation();
    if (goes_on) ready_.pop_front();
    conversation.messages.push_back(
        {"user", texts_.chats[conversation.script].turns[conversation.turns_sent++]});
    WorkloadPrompt prompt;
    prompt.spec.request_class = "chat";
    prompt.spec.messages = conversation.messages;
    prompt.spec.max_tokens = draw(std::min(16u, max_tokens), max_tokens);
    prompt.spec.temperature = 0.7f, prompt.spec.top_p = 0.95f, prompt.spec.repetition_penalty = 1.1f;
    prompt.spec.seed = seed_ + prompts_;
    prompt.conversation = conversation.id;
    waiting_.push_back(std::move(conversation));
    if (waiting_.size() > kMostConversations) waiting_.pop_front();
    return prompt;
}

WorkloadPrompt PromptGenerator::next_document(uint32_t max_tokens) {
    const DocumentTask& document = texts_.documents[random_() % texts_.documents.size()];
    const std::string& question = document.questions[random_() % document.questions.size()];
    WorkloadPrompt prompt;
    prompt.spec.request_class = "document";
    prompt.spec.messages.push_back(
        {"system", "You answer questions about a document in one or two short sentences."});
    prompt.spec.messages.push_back({"user", document.title + "\n\n" + document.text + "\n\n" + question});
    prompt.spec.max_tokens = draw(8, std::min(32u, max_tokens));
    return prompt;
}

WorkloadPrompt PromptGenerator::next_code(uint32_t max_tokens) {
    const CodeTask& task = texts_.code[random_() % texts_.code.size()];
    // A completion is asked for again and again while a file grows: each time up to another line.
    const auto lines = static_cast<size_t>(std::count(task.text.begin(), task.text.end(), '\n'));
    size_t keep = lines / 2 + random_() % (lines - lines / 2 + 1), end = 0;
    for (; keep > 0 && end != std::string::npos; --keep) end = task.text.find('\n', end == 0 ? 0 : end + 1);
    WorkloadPrompt prompt;
    prompt.spec.request_class = "code";
    prompt.spec.prompt = end == 0 ? task.text : task.text.substr(0, end);
    prompt.spec.max_tokens = draw(std::min(16u, max_tokens), max_tokens);
    return prompt;
}

void PromptGenerator::answered(ConversationId id, std::string text) {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Conversation& c) { return c.id == id; });
    if (found == waiting_.end()) return;
    Conversation conversation = std::move(*found);
    waiting_.erase(found);
    if (conversation.turns_sent >= texts_.chats[conversation.script].turns.size()) return;
    conversation.messages.push_back({"assistant", std::move(text)});
    ready_.push_back(std::move(conversation));
    if (ready_.size() > kMostConversations) ready_.pop_front();
}

void PromptGenerator::abandon(ConversationId id) {
    std::erase_if(waiting_, [&](const Conversation& c) { return c.id == id; });
    std::erase_if(ready_, [&](const Conversation& c) { return c.id == id; });
}

}  // namespace pitwall::app
