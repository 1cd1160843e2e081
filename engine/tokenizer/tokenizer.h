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
    /// Everything in the vocabulary is checked; the Error is one sentence. A chat template that cannot be run is not
    /// an error here: render_chat tells it.
    static Result<std::unique_ptr<Tokenizer>> create(const Vocabulary& vocabulary);
    virtual ~Tokenizer() = default;

    /// With `special`, special tokens in the text are recognised; otherwise their spelling is text like any other.
    /// Bytes that have no token in the vocabulary are dropped. Where the file asks for it (Vocabulary::add_bos) and
    /// `special` is set, the ids begin with BOS, once.
    virtual std::vector<TokenId> encode(std::string_view text, bool special) const = 0;
    virtual std::string decode(std::span<const TokenId> ids) const = 0;  ///< special tokens as their text
    virtual std::string_view token_bytes(TokenId id) const = 0;  ///< raw bytes, maybe a part of a character
    virtual bool is_end(TokenId id) const = 0;                   ///< end of text or of turn: generation stops
    virtual uint32_t vocab_size() const = 0;
    /// The conversation as the model was trained to see it, with the prompt for the answer at the end.
    virtual Result<std::string> render_chat(std::span<const ChatMessage> messages) const = 0;
};

/// Turns token bytes into text that never ends within a UTF-8 character, and finds stop strings across tokens.
/// Bytes that are no UTF-8 become U+FFFD. Of several stop strings the one that is complete first ends the text, and
/// the longest of those complete at the same byte: so the answer does not depend on how text is cut into tokens.
class StreamDecoder {
  public:
    explicit StreamDecoder(const std::vector<std::string>& stops);  ///< empty ones are ignored

    struct Piece {
        std::string text;      ///< safe to show now: whole characters, no beginning of a stop string
        bool stopped = false;  ///< a stop string was found; text ends before it
    };
    Piece push(std::string_view token_bytes);
    std::string finish();  ///< what was held back; an unfinished character becomes U+FFFD
    /// A stop string was found, maybe by finish().
    bool stopped() const { return stopped_; }

  private:
    struct Stop {
        explicit Stop(std::string_view text);
        bool advance(char byte);  ///< true when the pattern is complete with this byte
        std::string pattern;
        std::vector<size_t> fallback;
        size_t matched = 0;
    };
    void append(std::string_view character);
    std::string release();

    std::vector<Stop> stops_;
    std::string unfinished_;  ///< the beginning of a character
    std::string held_;        ///< text not yet given out: what may become a stop string
    bool stopped_ = false;
};

}  // namespace pitwall::engine
