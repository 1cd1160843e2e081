// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model.h"
#include "telemetry/base/ids.h"
#include "telemetry/base/result.h"
#include "telemetry/control.h"

namespace pitwall::engine {

using telemetry::ChatMessage;

/// Byte-level BPE from a model file's metadata. Immutable; any thread.
class Tokenizer {
  public:
    static Result<std::unique_ptr<Tokenizer>> create(const Vocabulary& vocabulary);
    virtual ~Tokenizer() = default;

    /// With `special`, special tokens in the text are recognised; otherwise their spelling is text like any other.
    /// Bytes that have no token in the vocabulary are dropped.
    virtual std::vector<TokenId> encode(std::string_view text, bool special) const = 0;
    virtual std::string decode(std::span<const TokenId> ids) const = 0;  ///< special tokens as their text
    virtual std::string_view token_bytes(TokenId id) const = 0;          ///< raw bytes, maybe a part of a character
    virtual bool is_special(TokenId id) const = 0;
    virtual bool is_end(TokenId id) const = 0;  ///< end of text or of turn: generation stops
    virtual uint32_t vocab_size() const = 0;
    virtual bool has_chat_template() const = 0;
    /// The conversation as the model was trained to see it, with the prompt for the answer at the end.
    virtual Result<std::string> render_chat(std::span<const ChatMessage> messages) const = 0;
};

/// Turns token bytes into text that never ends within a UTF-8 character, and finds stop strings across tokens.
class StreamDecoder {
  public:
    explicit StreamDecoder(std::vector<std::string> stops);

    struct Piece {
        std::string text;      ///< safe to show now: whole characters, no beginning of a stop string
        bool stopped = false;  ///< a stop string was found; text ends before it
    };
    Piece push(std::string_view token_bytes);
    std::string finish();  ///< what was held back; an unfinished character becomes U+FFFD

  private:
    std::vector<std::string> stops_;
    std::string held_;
};

}  // namespace pitwall::engine
