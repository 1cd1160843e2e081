// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/chat_template.h"

#include <nlohmann/json.hpp>

#include "engine/tokenizer/utf8.h"

namespace pitwall::engine {
namespace {

std::string token_text(const Vocabulary& vocabulary, int32_t id) {
    const bool known = id >= 0 && static_cast<size_t>(id) < vocabulary.tokens.size();
    return known ? vocabulary.tokens[static_cast<size_t>(id)] : "";
}

constexpr const char* kUsePrompt = "send a plain prompt, or choose another model";

}  // namespace

ChatTemplate::ChatTemplate(const Vocabulary& vocabulary)
    : bos_(token_text(vocabulary, vocabulary.bos)), eos_(token_text(vocabulary, vocabulary.eos)) {
    if (vocabulary.chat_template.empty()) {
        error_ = {"the model has no chat template", kUsePrompt};
        return;
    }
    Result<jinja::Template> parsed = jinja::Template::parse(vocabulary.chat_template);
    if (parsed.ok()) {
        template_ = std::move(parsed).value();
    } else {
        error_ = {"the model's chat template: " + parsed.error().what, kUsePrompt};
    }
}

Result<std::string> ChatTemplate::render(std::span<const telemetry::ChatMessage> messages) const {
    if (!template_) return error_;
    nlohmann::ordered_json context;
    context["messages"] = nlohmann::ordered_json::array();
    for (const telemetry::ChatMessage& m : messages) {
        context["messages"].push_back(
            {{"role", repaired_utf8(m.role)}, {"content", repaired_utf8(m.content)}});
    }
    context["bos_token"] = repaired_utf8(bos_);
    context["eos_token"] = repaired_utf8(eos_);
    context["add_generation_prompt"] = true;
    Result<std::string> text = template_->render(context);
    if (!text.ok()) return Error{"the model's chat template: " + text.error().what, kUsePrompt};
    return text;
}

}  // namespace pitwall::engine
