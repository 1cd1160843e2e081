// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/bpe_vocabulary.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"

namespace pitwall::engine {
namespace {

class BpeTokenizer final : public Tokenizer {
  public:
    BpeTokenizer(BpeVocabulary vocabulary, std::unique_ptr<PreTokenizer> words, ChatTemplate chat,
                 TokenId first)
        : vocabulary_(std::move(vocabulary)),
          words_(std::move(words)),
          chat_(std::move(chat)),
          first_(first) {}

    std::vector<TokenId> encode(std::string_view text, bool special) const override {
        std::vector<TokenId> ids;
        if (!special) {
            encode_plain(text, ids);
            return ids;
        }
        for (size_t at = 0; at < text.size();) {
            const SpecialTokens::Match found = vocabulary_.specials.next(text, at);
            encode_plain(text.substr(at, found.begin - at), ids);
            if (found.id >= 0) ids.push_back(found.id);
            at = found.begin + found.length;
        }
        if (first_ >= 0 && (ids.empty() || ids.front() != first_)) ids.insert(ids.begin(), first_);
        return ids;
    }

    std::string decode(std::span<const TokenId> ids) const override {
        std::string out;
        for (const TokenId id : ids) out += token_bytes(id);
        return out;
    }

    std::string_view token_bytes(TokenId id) const override {
        return known(id) ? std::string_view(vocabulary_.bytes[static_cast<size_t>(id)]) : "";
    }
    bool is_end(TokenId id) const override { return known(id) && vocabulary_.end[static_cast<size_t>(id)]; }
    uint32_t vocab_size() const override { return static_cast<uint32_t>(vocabulary_.bytes.size()); }
    Result<std::string> render_chat(std::span<const ChatMessage> messages) const override {
        return chat_.render(messages);
    }

  private:
    bool known(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < vocabulary_.bytes.size(); }

    void encode_plain(std::string_view text, std::vector<TokenId>& ids) const {
        if (text.empty()) return;
        std::vector<std::string_view> words;
        words_->split(text, words);
        std::vector<TokenId> symbols;
        for (const std::string_view word : words) {
            if (words_->takes_whole_words()) {
                if (const auto whole = vocabulary_.by_bytes.find(std::string(word));
                    whole != vocabulary_.by_bytes.end()) {
                    ids.push_back(whole->second);
                    continue;
                }
            }
            symbols.clear();
            for (const char byte : word)
                symbols.push_back(vocabulary_.of_byte[static_cast<unsigned char>(byte)]);
            vocabulary_.merger->merge(symbols);
            for (const TokenId id : symbols) {
                if (id >= 0)
                    ids.push_back(id);  // a byte without a token is dropped, but kept its neighbours apart
            }
        }
    }

    BpeVocabulary vocabulary_;
    std::unique_ptr<PreTokenizer> words_;
    ChatTemplate chat_;
    TokenId first_;  ///< BOS where the file asks for it, else -1
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(const Vocabulary& vocabulary) {
    Result<std::unique_ptr<PreTokenizer>> words = PreTokenizer::create(vocabulary.pre);
    const bool whole_words = words.ok() && words.value()->takes_whole_words();
    Result<BpeVocabulary> checked = BpeVocabulary::create(vocabulary, whole_words);
    if (!checked.ok()) return checked.error();  // first, for another kind of tokenizer has other rules too
    if (!words.ok()) return words.error();
    const TokenId first = vocabulary.add_bos ? vocabulary.bos : -1;
    return std::unique_ptr<Tokenizer>(std::make_unique<BpeTokenizer>(
        std::move(checked).value(), std::move(words).value(), ChatTemplate(vocabulary), first));
}

}  // namespace pitwall::engine
