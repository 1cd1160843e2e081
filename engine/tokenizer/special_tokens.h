// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Finds special tokens in text: at each place from the left the longest that stands there. Immutable; any thread.
class SpecialTokens {
  public:
    static constexpr size_t kLongestBytes = 1024;  ///< bounds the time a search takes at one place

    SpecialTokens() = default;
    /// Texts are neither empty nor longer than kLongestBytes.
    explicit SpecialTokens(std::vector<std::pair<std::string, TokenId>> tokens);

    struct Match {
        size_t begin = 0, length = 0;
        TokenId id = -1;  ///< -1: there is none, and begin is the text's length
    };
    Match next(std::string_view text, size_t from) const;

  private:
    Match at(std::string_view text, size_t begin) const;
    std::vector<std::pair<std::string, TokenId>> sorted_;
    std::array<bool, 256> begins_ = {};  ///< bytes that a special token begins with
};

}  // namespace pitwall::engine
