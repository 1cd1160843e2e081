// SPDX-License-Identifier: GPL-3.0-or-later
//
// Replay of a numeric history: the request's KV is computed, converted and thrown away where it was before.
#include <fmt/format.h>

#include "engine/core/engine_impl.h"
#include "engine/kv/kv_format.h"
#include "telemetry/names.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

namespace {
constexpr int kChangesAtOnce = 16;
}  // namespace

/// Before a step: converts what has reached the position of a change, and holds the request at the next one.
void Engine::Impl::follow_history() {
    if (replaying_) drain();  // which may end it
    if (!replaying_) return;
    LiveRequest& r = *replaying_;
    begin_next_stage(r);
    if (r.state == SequenceState::kPreempted) r.replay_change = 0;  // by others: the stage is done again
    const std::vector<FormatChange>& changes = r.replay[r.replay_stage].formats;
    if (r.replay_change > 0 && !is_in_force(changes[r.replay_change - 1].format))
        return end_request(r, FinishReason::kFailed, "",
                           "its numeric history cannot be replayed: kv_cache_dtype, activation_dtype or "
                           "batch_invariant was changed on the way");
    // A few at a time, for each is told by a keyframe.
    for (int i = 0; i < kChangesAtOnce && r.replay_change < changes.size() &&
                    r.committed >= changes[r.replay_change].position;
         ++i) {
        if (!replay_change(changes[r.replay_change].format)) return;
        ++r.replay_change;
    }
    r.hold_at = r.replay_change < changes.size() ? changes[r.replay_change].position : UINT32_MAX;
}

/// A history from before kernels were told leaves them open.
bool Engine::Impl::is_in_force(const NumericFormat& format) const {
    NumericFormat now = numeric_format();
    if (format.kernels.empty()) now.kernels.clear();
    return format == now;
}

/// False: the request has ended over it, or begins the stage again on another device.
bool Engine::Impl::replay_change(const NumericFormat& format) {
    if (is_in_force(format)) return true;
    const int64_t devices_lost = devices_lost_;
    Answer answer = set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(format.kv), KnobOrigin::kEngine);
    if (answer.verdict == Verdict::kAccepted)
        answer =
            set_knob(KnobId::kActivationDtype, static_cast<double>(format.activation), KnobOrigin::kEngine);
    if (answer.verdict == Verdict::kAccepted)
        answer = set_knob(KnobId::kBatchInvariant, 1, KnobOrigin::kEngine);
    if (!replaying_ || devices_lost_ != devices_lost) return false;
    if (is_in_force(format)) return true;
    if (answer.verdict == Verdict::kAccepted)
        answer.reason = fmt::format("its bf16 products are of the kernels {}, and here they are of {}",
                                    format.kernels.substr(0, 40), executor_->device().kernel_tier);
    end_request(*replaying_, FinishReason::kFailed, "",
                fmt::format("its numeric history cannot be replayed: {}", answer.reason));
    return false;
}

void Engine::Impl::begin_next_stage(LiveRequest& r) {
    const uint32_t stage_tokens = r.replay[r.replay_stage].tokens;
    const bool over = stage_tokens > 0 && r.length() >= stage_tokens && r.state == SequenceState::kRunning;
    if (!over || r.replay_stage + 1 == r.replay.size()) return;
    book_standing(r, stamp());
    scheduler_.preempt(r);
    ++counters_.preemptions;
    writer_.request(r, RequestPhase::kPreempted);
    ++r.replay_stage;
    r.replay_change = 0;
}

}  // namespace pitwall::engine
