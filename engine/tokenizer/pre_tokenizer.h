// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Cuts text into the words that byte-pair merges never cross, by the rule that a model file names
/// (tokenizer.ggml.pre). Immutable; any thread.
class PreTokenizer {
  public:
    static Result<std::unique_ptr<PreTokenizer>> create(std::string_view rule);
    ~PreTokenizer();
    PreTokenizer(const PreTokenizer&) = delete;
    PreTokenizer& operator=(const PreTokenizer&) = delete;

    /// Appends the words of `text`; joined they are `text` again. Bytes that are no UTF-8 become words of their own.
    void split(std::string_view text, std::vector<std::string_view>& words) const;
    /// A word that is in the vocabulary is taken whole, without looking at merges (Llama 3).
    bool takes_whole_words() const { return takes_whole_words_; }

  private:
    struct Stage;
    class Matcher;
    PreTokenizer() = default;
    std::vector<std::unique_ptr<Stage>> stages_;
    bool takes_whole_words_ = false;
};

}  // namespace pitwall::engine
