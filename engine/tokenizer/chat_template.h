// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/model/model.h"
#include "engine/tokenizer/jinja/template.h"
#include "telemetry/base/result.h"
#include "telemetry/control.h"

namespace pitwall::engine {

/// The Jinja template that a model file carries, with what it may refer to: messages, bos_token, eos_token and
/// add_generation_prompt (always true here). Immutable; any thread.
class ChatTemplate {
  public:
    explicit ChatTemplate(const Vocabulary& vocabulary);
    Result<std::string> render(std::span<const telemetry::ChatMessage> messages) const;

  private:
    std::string bos_, eos_;
    std::optional<jinja::Template> template_;
    Error error_;  ///< why there is no template_
};

}  // namespace pitwall::engine
