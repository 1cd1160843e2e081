// SPDX-License-Identifier: GPL-3.0-or-later
//
// Guesses at what a sequence goes on with, for the executor to verify. A guess costs or saves time; it never changes a
// token, because the sampler picks each token as it would without one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "telemetry/base/ids.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::DraftMethod;

/// Integers only; used by the engine thread alone. Each call sees a sequence as it is so far, prompt and then output: it has
/// grown since the last call, or is the same.
class Drafter {
  public:
    static constexpr uint32_t kStrengths = 8;
    /// Tokens of a text that are taken in at a call: nobody waits for a long one.
    static constexpr size_t kIndexedAtOnce = 2048;

    virtual ~Drafter() = default;
    /// Appends to `out` up to `most` tokens that may follow `tokens`, best guess only; nothing where there is none. Gives
    /// how sure it is, from 0 to kStrengths - 1: whoever chooses lengths learns what each has been worth.
    virtual uint32_t draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                           std::vector<TokenId>& out) = 0;
    /// The sequence has ended; what was kept for it alone is dropped.
    virtual void end(RequestId request, std::span<const TokenId> tokens) = 0;
};

/// Null for kNone.
using DrafterFactory = std::function<std::unique_ptr<Drafter>(DraftMethod)>;
std::unique_ptr<Drafter> make_drafter(DraftMethod method);

}  // namespace pitwall::engine
