// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "engine/exec/executor.h"

namespace pitwall::engine {

using telemetry::KvDtype;
using telemetry::ProbeEvent;

/// What the KV format in force costs in quality: a piece of text is computed twice beside the pool, with KV in 16 bits and
/// in that format, and the distributions of what follows are compared. In small pieces, so that nobody waits long.
class QualityProbe {
  public:
    static constexpr KvDtype kReference = KvDtype::kF16;
    static constexpr uint32_t kPieceTokens = 24;
    /// Positions are compared after each 4th token from the 8th on: what follows the first few says little.
    static bool is_compared(uint32_t position) { return position >= 7 && position % 4 == 3; }
    static constexpr uint32_t kLeastTokens = 8;

    explicit QualityProbe(Executor& executor) : executor_(&executor) {}

    bool busy() const { return !tokens_.empty(); }
    /// `tokens`: kLeastTokens or more, executor's side_tokens() at most; they begin at `first_token` of the request.
    void begin(RequestId request, uint32_t first_token, std::vector<TokenId> tokens, KvDtype dtype);
    void give_up() { tokens_.clear(); }
    /// Computes one piece in one of the two formats. The sample, once it is complete; cost_ns is the caller's business.
    /// Gives up where the executor fails.
    std::optional<ProbeEvent> go_on();

  private:
    bool score(KvDtype dtype, std::vector<float>& logits);
    void compare();

    Executor* executor_;
    std::vector<TokenId> tokens_;
    ProbeEvent sample_{};
    uint32_t done_ = 0;                     ///< tokens computed in both formats
    bool has_reference_ = false;            ///< of the next piece
    std::vector<float> reference_, other_;  ///< [positions of a piece, vocab]
};

}  // namespace pitwall::engine
