// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/kv/chain_hash.h"
#include "engine/kv/numeric_history.h"
#include "engine/sample/sampling_params.h"
#include "telemetry/base/ids.h"
#include "telemetry/event.h"

namespace pitwall::engine {

enum class SequenceState : uint8_t { kWaiting, kRunning, kPreempted, kEnded };

/// Stands at the end of `tokens` for a token that a plan in flight is about to sample.
inline constexpr TokenId kPlaceholderToken = -1;

/// What the scheduler knows of a request. Integers only.
///
///     0 ........ committed ........ computed ........ tokens.size()
///     KV is there          planned, in flight         to be computed
struct Sequence {
    virtual ~Sequence() = default;

    RequestId id{};
    std::vector<TokenId> tokens;  ///< prompt, then output; its capacity never changes (plans point into it)
    uint32_t prompt_tokens = 0;
    uint32_t max_tokens = 0;  ///< most output tokens
    int32_t priority = 0;     ///< lower goes first
    int64_t arrival_ns = 0;

    SequenceState state = SequenceState::kWaiting;
    std::vector<BlockId> block_table;
    ChainHash lineage;            ///< of its last block that was offered to the prefix index
    uint32_t lineage_blocks = 0;  ///< how many were
    SequenceNumerics numerics;
    /// Replays a given numeric history: takes nothing from the cache, and computes no further than `hold_at` for now.
    bool replays_history = false;
    uint32_t hold_at = UINT32_MAX;
    uint32_t computed = 0;       ///< tokens whose KV is there or will be when the plans in flight are done
    uint32_t committed = 0;      ///< tokens whose KV is there
    uint32_t high_water = 0;     ///< positions below were computed once already, before a preemption
    uint32_t cached_tokens = 0;  ///< of the prompt, taken from the prefix cache when it was first scheduled
    uint32_t preemptions = 0;
    uint32_t plans_in_flight = 0;
    uint64_t last_served = 0;  ///< grows in the order in which sequences are served; 0: not yet
    bool scheduled_once = false;

    uint32_t length() const { return static_cast<uint32_t>(tokens.size()); }
    uint32_t output_tokens() const { return length() - prompt_tokens; }  ///< placeholders included
    /// Tokens without KV. Of these, `computable()` may be computed now.
    uint32_t pending() const { return length() - computed; }
    uint32_t computable() const { return std::min(length(), std::max(hold_at, computed)) - computed; }
    /// Recomputing what a preemption threw away; false again once that has been committed.
    bool recovering() const { return committed < high_water; }
    /// Most blocks it can ever hold. The last token is sampled, but its own KV is never needed.
    uint32_t most_blocks() const { return blocks_for(prompt_tokens + max_tokens - 1); }

    /// Its last token may be on its way already: then there is nothing left to compute.
    bool wants_tokens() const { return computable() > 0 && output_tokens() < max_tokens; }
    uint32_t blocks_missing(uint32_t token_count) const {
        const size_t wanted = blocks_for(token_count);
        return static_cast<uint32_t>(wanted > block_table.size() ? wanted - block_table.size() : 0);
    }
    static uint32_t blocks_for(uint32_t token_count) {
        return (token_count + kBlockTokens - 1) / kBlockTokens;
    }
};

}  // namespace pitwall::engine
