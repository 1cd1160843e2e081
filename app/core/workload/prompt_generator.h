// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "app/core/workload/workload_texts.h"
#include "telemetry/control.h"

namespace pitwall::app {

/// In the order of the knob `workload`.
enum class WorkloadKind : uint8_t { kNone, kChat, kDocuments, kCode, kBurst, kMix };

using ConversationId = uint64_t;
inline constexpr ConversationId kNoConversation = 0;

/// What arrives next, of class "chat", "document" or "code".
struct WorkloadPrompt {
    telemetry::PromptSpec spec;
    ConversationId conversation = kNoConversation;
};

/// Prompts of a workload, deterministic by seed and by the order in which answers come back: the next turn of a
/// conversation includes the answer to the last one.
class PromptGenerator {
  public:
    PromptGenerator(const WorkloadTexts& texts, uint64_t seed) : texts_(texts), random_(seed), seed_(seed) {}

    /// `kind` is not kNone. `max_tokens` bounds the answers asked for.
    WorkloadPrompt next(WorkloadKind kind, uint32_t max_tokens);
    /// The answer to a conversation's last turn: its next turn may arrive from now on.
    void answered(ConversationId conversation, std::string text);
    /// It has grown too long, or its request did not finish.
    void abandon(ConversationId conversation);

  private:
    struct Conversation {
        ConversationId id;
        size_t script;
        size_t turns_sent;
        std::vector<telemetry::ChatMessage> messages;
    };

    WorkloadPrompt next_chat(uint32_t max_tokens);
    WorkloadPrompt next_document(uint32_t max_tokens);
    WorkloadPrompt next_code(uint32_t max_tokens);
    Conversation begin_conversation();
    uint32_t draw(uint32_t low, uint32_t high);  ///< both included; `high` where low is above

    const WorkloadTexts& texts_;
    std::mt19937_64 random_;
    uint64_t seed_, prompts_ = 0;
    ConversationId last_id_ = kNoConversation;
    std::deque<Conversation> waiting_;  ///< for the answer to their last turn
    std::deque<Conversation> ready_;    ///< for their next turn
};

}  // namespace pitwall::app
