// SPDX-License-Identifier: GPL-3.0-or-later
//
// Guesses at what a sequence goes on with, for the executor to verify. A guess costs or saves time; it never changes a
// token, because the sampler picks each token as it would without one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sample/sampling_params.h"
#include "telemetry/base/ids.h"
#include "telemetry/base/result.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::DraftMethod;

class BatchDrafter;

/// Used by the engine thread alone. Each call sees a sequence as it is so far, prompt and then output: it has
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
    /// Between steps, whether there is work or not: a look at what goes on beside.
    virtual void poll() {}
    /// An error: it will never draft again.
    virtual Status status() const { return {}; }
    virtual uint64_t resident_bytes() const { return 0; }  ///< where they are worth telling
    /// Itself, where it computes drafts for a whole step together.
    virtual BatchDrafter* batch() { return nullptr; }
};

/// What a sequence is asked for in one step.
struct DraftAsk {
    RequestId request{};
    std::span<const TokenId> tokens;  ///< prompt, then output
    uint32_t most = 0;
    uint32_t reads = 0;  ///< of what is behind, in this step; who has not read all of it drafts nothing yet
    /// As in SequenceSlice: who picks as the sampler will picks what it will.
    SamplingParams sampling;
    std::span<const TokenId> banned;
    uint32_t banned_before = UINT32_MAX;
};

/// One pass over a draft model.
struct DraftPass {
    uint32_t rows;
    int64_t ns;
};

/// Computes drafts, for all sequences of a step together and at a price: lengths are chosen before, not after.
class BatchDrafter : public Drafter {
  public:
    /// Called once a step, before its calls of draft(), which then only tell what came of it.
    virtual void prepare(std::span<const DraftAsk> asks) = 0;
    /// Tokens of this sequence that it has yet to read, beyond the newest. Nothing: it cannot draft for it, for now at least.
    virtual std::optional<uint32_t> behind(RequestId request, std::span<const TokenId> tokens) const = 0;
    virtual uint64_t weight_bytes() const = 0;  ///< of the model that computes them; 0 until it is loaded
    /// Of the last prepare(), in order: the first reads what is behind, each gives one more draft.
    virtual std::span<const DraftPass> passes() const = 0;
    BatchDrafter* batch() final { return this; }
};

/// Null for kNone. An Error where there can be none of that method now, and why.
using DrafterFactory = std::function<Result<std::unique_ptr<Drafter>>(DraftMethod)>;
/// Those that need no model.
Result<std::unique_ptr<Drafter>> make_drafter(DraftMethod method);

}  // namespace pitwall::engine
