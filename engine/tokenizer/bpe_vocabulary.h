// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/model/model.h"
#include "engine/tokenizer/byte_pair_merger.h"
#include "engine/tokenizer/special_tokens.h"
#include "telemetry/base/result.h"

namespace pitwall::engine {

/// A checked vocabulary in the forms that encoding and decoding need.
struct BpeVocabulary {
    std::vector<std::string> bytes;  ///< of each token: raw bytes, special tokens as they are spelled
    std::vector<bool> special, end;
    std::unordered_map<std::string, TokenId> by_bytes;  ///< all but special tokens; for `whole_words` alone
    std::array<TokenId, 256> of_byte = {};              ///< -1 where the vocabulary lacks it
    SpecialTokens specials;
    std::unique_ptr<BytePairMerger> merger;

    static Result<BpeVocabulary> create(const Vocabulary& file, bool whole_words);
};

}  // namespace pitwall::engine
