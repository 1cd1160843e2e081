// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/bpe_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/model/printable.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace pitwall::engine {
namespace {

constexpr int32_t kUnknown = 2, kControl = 3, kUserDefined = 4, kLastType = 6;
constexpr const char* kDamaged = "the file is damaged, fetch it again";
/// Control tokens that end an answer in models whose metadata names only one of theirs.
constexpr std::array<std::string_view, 12> kEndTexts = {
    "<|endoftext|>", "<|im_end|>",   "<|eot_id|>",    "<|eom_id|>", "<|end_of_text|>",   "<|end|>",
    "<|return|>",    "<|end_turn|>", "<end_of_turn>", "<EOT>",      "<|endofresponse|>", "</s>"};

/// Token texts as the file spells them: views into the file's vocabulary.
using Spelling = std::unordered_map<std::string_view, TokenId>;

Error wrong(const std::string& what) { return {"the model's tokenizer " + what, kDamaged}; }

bool is_special_type(int32_t type) { return type == kUnknown || type == kControl || type == kUserDefined; }

Status check_shape(const Vocabulary& file) {
    if (file.model != "gpt2") {
        return Error{fmt::format("the model's tokenizer is '{}', and Pitwall reads byte-level BPE ('gpt2')",
                                 printable(file.model)),
                     "choose a model with such a tokenizer"};
    }
    if (file.tokens.empty()) return wrong("has no tokens");
    if (!file.types.empty() && file.types.size() != file.tokens.size()) {
        return wrong(fmt::format("has {} tokens and {} token types", file.tokens.size(), file.types.size()));
    }
    for (size_t i = 0; i < file.types.size(); ++i) {
        if (file.types[i] < 0 || file.types[i] > kLastType)
            return wrong(fmt::format("has token {} of type {}", i, file.types[i]));
    }
    const auto count = static_cast<int64_t>(file.tokens.size());
    for (const int32_t id : {file.bos, file.eos, file.eot, file.unknown, file.padding}) {
        if (id < -1 || id >= count)
            return wrong(fmt::format("has a special token {} of {} tokens", id, count));
    }
    return {};
}

Result<Spelling> spell(const Vocabulary& file) {
    Spelling ids;
    ids.reserve(file.tokens.size());
    for (size_t i = 0; i < file.tokens.size(); ++i) {
        const auto [at, added] = ids.emplace(file.tokens[i], static_cast<TokenId>(i));
        if (!added)
            return wrong(fmt::format("has token {} twice, at {} too ('{}')", at->second, i,
                                     printable(file.tokens[i])));
    }
    return ids;
}

/// "left right" in the byte alphabet, which has no space in it.
Status add_merge(const std::string& merge, size_t rank, const Spelling& ids, BytePairMerger& merger) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size() ||
        merge.find(' ', space + 1) != std::string::npos) {
        return wrong(fmt::format("has a merge {} that is no pair ('{}')", rank, printable(merge)));
    }
    const std::string_view left = std::string_view(merge).substr(0, space),
                           right = std::string_view(merge).substr(space + 1);
    const std::string both = std::string(left) + std::string(right);
    const auto a = ids.find(left), b = ids.find(right), joined = ids.find(both);
    if (a == ids.end() || b == ids.end() || joined == ids.end()) {
        return wrong(
            fmt::format("has a merge {} of tokens that it does not have ('{}')", rank, printable(merge)));
    }
    if (!merger.add(a->second, b->second, joined->second)) {
        return wrong(fmt::format("has the merge {} twice ('{}')", rank, printable(merge)));
    }
    return {};
}

Status add_merges(const Vocabulary& file, const Spelling& ids, BpeVocabulary& out) {
    out.merger = std::make_unique<BytePairMerger>(file.merges.size());
    for (size_t i = 0; i < file.merges.size(); ++i) {
        if (Status s = add_merge(file.merges[i], i, ids, *out.merger); !s.ok()) return s;
    }
    return {};
}

Status add_tokens(const Vocabulary& file, bool whole_words, BpeVocabulary& out) {
    std::vector<std::pair<std::string, TokenId>> specials;
    for (size_t i = 0; i < file.tokens.size(); ++i) {
        const std::string& text = file.tokens[i];
        const bool special = !file.types.empty() && is_special_type(file.types[i]);
        out.special.push_back(special);
        out.bytes.push_back(special ? text : symbols_to_bytes(text));
        if (!special) {
            if (whole_words) out.by_bytes.emplace(out.bytes.back(), static_cast<TokenId>(i));
        } else if (text.size() > SpecialTokens::kLongestBytes) {
            return wrong(fmt::format("has a special token {} of {} bytes", i, text.size()));
        } else if (!text.empty()) {
            specials.emplace_back(text, static_cast<TokenId>(i));
        }
    }
    out.specials = SpecialTokens(std::move(specials));
    return {};
}

void find_ends(const Vocabulary& file, BpeVocabulary& out) {
    out.end.assign(file.tokens.size(), false);
    for (const int32_t id : {file.eos, file.eot}) {
        if (id >= 0) out.end[static_cast<size_t>(id)] = true;
    }
    for (size_t i = 0; i < file.types.size(); ++i) {
        if (file.types[i] != kControl) continue;
        if (std::find(kEndTexts.begin(), kEndTexts.end(), file.tokens[i]) != kEndTexts.end())
            out.end[i] = true;
    }
}

}  // namespace

Result<BpeVocabulary> BpeVocabulary::create(const Vocabulary& file, bool whole_words) {
    if (Status s = check_shape(file); !s.ok()) return s.error();
    const Result<Spelling> ids = spell(file);
    if (!ids.ok()) return ids.error();
    BpeVocabulary out;
    if (Status s = add_tokens(file, whole_words, out); !s.ok()) return s.error();
    if (Status s = add_merges(file, ids.value(), out); !s.ok()) return s.error();
    for (uint32_t byte = 0; byte < 256; ++byte) {
        const auto found = ids.value().find(byte_symbol(static_cast<uint8_t>(byte)));
        const bool usable = found != ids.value().end() && !out.special[static_cast<size_t>(found->second)];
        out.of_byte[byte] = usable ? found->second : -1;
    }
    if (std::all_of(out.of_byte.begin(), out.of_byte.end(), [](TokenId id) { return id < 0; })) {
        return wrong("has no tokens for single bytes");
    }
    find_ends(file, out);
    return out;
}

}  // namespace pitwall::engine
