// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace pitwall::engine::test {

/// Every byte is a token; 250 to 256 end the text.
class ByteTokenizer final : public Tokenizer {
  public:
    ByteTokenizer() {
        for (int i = 0; i < 256; ++i) bytes_ += static_cast<char>(i);
    }
    std::vector<TokenId> encode(std::string_view text, bool) const override {
        std::vector<TokenId> ids;
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return ids;
    }
    std::string decode(std::span<const TokenId> ids) const override {
        std::string text;
        for (const TokenId id : ids) text += token_bytes(id);
        return text;
    }
    std::string_view token_bytes(TokenId id) const override {
        return id < 256 ? std::string_view(bytes_).substr(static_cast<size_t>(id), 1) : "<end>";
    }
    bool is_end(TokenId id) const override { return id >= 250 && id < 257; }
    uint32_t vocab_size() const override { return 257; }
    Result<std::string> render_chat(std::span<const ChatMessage>) const override {
        return Error{"no template", ""};
    }

  private:
    std::string bytes_;
};

}  // namespace pitwall::engine::test
