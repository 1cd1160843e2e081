// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same answers by the plainest means, from a whole vector of events: what the store, the statistics, the summary
// and the views are held against.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::telemetry::testing {

struct SlowRequest {
    int64_t arrival_ns = -1, admitted_ns = -1, scheduled_ns = -1, first_token_ns = -1, end_ns = -1;
    uint32_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0, preemptions = 0;
    uint16_t request_class = 0;
    FinishReason reason = FinishReason::kNone;
    std::vector<std::pair<TokenId, int64_t>> tokens;
    std::array<int64_t, static_cast<size_t>(Cause::kCount)> cause_ns{};
    std::vector<std::pair<int64_t, int64_t>> pauses;  ///< start, length
};

struct SlowBlock {
    BlockState state = BlockState::kFree;
    uint16_t filled = 0;
    bool operator==(const SlowBlock&) const = default;
};

struct SlowSession {
    std::map<uint32_t, SlowRequest> requests;
    std::vector<Event> steps, knobs, evictions;
    std::map<uint64_t, std::vector<StepMemberEvent>> members;
    std::map<uint32_t, SlowBlock> blocks;
    std::map<std::pair<int, uint32_t>, std::string> texts;
    int64_t first_ns = 0, last_ns = 0;
};
SlowSession slow_session(const std::vector<Event>& events);

/// By the definition, from samples in any order, with a full sort and long doubles.
double slow_quantile(std::vector<double> samples, double q);

}  // namespace pitwall::telemetry::testing
