// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unordered_map>

#include "engine/spec/drafter.h"
#include "engine/spec/gram_table.h"

namespace pitwall::engine {

/// Prompt lookup (Saxena 2023; vLLM's method "ngram"): the last tokens of a sequence are looked up earlier in the same
/// sequence, prompt and output, and what followed them there is the draft. The longest run that is found wins, and of
/// its places the last, because a text that is being edited resembles its newest version. One look a run and step,
/// and the same to add a token: nothing here grows with the context but memory (12 bytes a token and run).
class NgramDrafter final : public Drafter {
  public:
    /// Runs are looked up longest first.
    static constexpr uint32_t kLongest = 4, kShortest = 2;

    /// Sure in as far as the run goes on backwards.
    uint32_t draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                   std::vector<TokenId>& out) override;
    void end(RequestId request, std::span<const TokenId> /*tokens*/) override {
        sequences_.erase(raw(request));
    }

  private:
    struct Index {
        Index();
        /// Up to the last token, whose successor is not known.
        bool catch_up(std::span<const TokenId> tokens);
        std::vector<GramTable> tables;  ///< longest first
        uint32_t indexed = 0;           ///< runs that end before this position are in
    };
    std::unordered_map<uint32_t, Index> sequences_;
};

}  // namespace pitwall::engine
