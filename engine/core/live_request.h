// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "engine/core/attribution.h"
#include "engine/core/request.h"
#include "engine/probe/probed_pieces.h"
#include "engine/sched/sequence.h"
#include "engine/tokenizer/tokenizer.h"

namespace pitwall::engine {

/// A request from the moment it is taken in to its end: the sequence that the scheduler sees, and what the user sees.
struct LiveRequest final : Sequence {
    LiveRequest(RequestId request, int64_t arrival) : timeline(request, arrival) {
        id = request;
        arrival_ns = arrival;
    }

    SamplingParams sampling;
    uint32_t min_tokens = 0;
    bool ignore_eos = false;
    uint16_t request_class = 0;
    RequestListener* listener = nullptr;
    std::optional<StreamDecoder> decoder;  ///< with a tokenizer

    Timeline timeline;
    bool overtaken = false;  ///< waits by policy: somebody who came later was admitted in the last step
    int64_t admitted_ns = -1, first_token_ns = -1, last_token_ns = -1;
    int64_t timeout_ns = 0;  ///< as asked for, for the sentence
    /// In time that was not paused, counted from the session's start.
    int64_t deadline_ns = std::numeric_limits<int64_t>::max();
    uint32_t answered_tokens = 0;  ///< output tokens handed out; without placeholders
    MissReason miss = MissReason::kNone;
    NumericHistory replay;  ///< what it replays, where replays_history
    size_t replay_stage = 0, replay_change = 0;
    ProbedPieces probed;
    /// The last step that was booked as a member.
    uint64_t booked_step = std::numeric_limits<uint64_t>::max();

    bool ended() const { return state == SequenceState::kEnded; }
};

}  // namespace pitwall::engine
