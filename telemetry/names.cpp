// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/names.h"

#include <array>

namespace pitwall::telemetry {

namespace {

template <size_t kNames, class Enum>
std::string_view look_up(const std::array<std::string_view, kNames>& names, Enum value) {
    const auto index = static_cast<size_t>(value);
    return index < kNames ? names[index] : std::string_view();
}

template <class... Names>
constexpr auto words(Names... names) {
    return std::array<std::string_view, sizeof...(Names)>{names...};
}

template <class Enum>
constexpr size_t count() {
    return static_cast<size_t>(Enum::kCount);
}

constexpr auto kWork = words("prefill", "recompute", "decode", "draft");
constexpr auto kRequestPhase = words("arrived", "admitted", "rejected", "scheduled", "first_token", "token",
                                     "preempted", "resumed", "cancelled", "finished", "failed", "timed_out");
constexpr auto kFinishReason = words("", "stop", "length", "rejected", "cancelled", "timeout", "failed");
constexpr auto kMissReason = words("", "cold", "evicted", "disabled", "too_short");
constexpr auto kBlockState = words("free", "held", "cached");
constexpr auto kBlockPhase =
    words("allocated", "filled", "shared", "hit", "released", "evicted", "copied", "converted", "moved");
constexpr auto kKvDtype = words("f32", "f16", "bf16", "fp8", "int8", "k8v4", "int4");
constexpr auto kCause = words("wait_capacity", "wait_budget", "wait_policy", "paused", "not_in_step",
                              "recorder", "prefill_own", "prefill_others", "decode", "speculation",
                              "preempted", "kv_move", "sampling", "scheduling", "delivery", "restart");
constexpr auto kKnobOrigin = words("start", "user", "script", "preset", "engine");
constexpr auto kKnobBound = words("", "range", "capacity", "in_flight", "draining", "unavailable");
constexpr auto kMark = words("paused", "resumed", "single_step", "recorder_wait", "gap", "cache_flushed",
                             "recording_ended", "session_end", "device_lost", "replay_jump");
constexpr auto kDictionary =
    words("session", "knob_name", "knob_choice", "request_class", "prompt", "token", "error");
constexpr auto kRequestState = words("waiting", "prefill", "decode", "preempted", "ended");
constexpr auto kTokenOrigin = words("plain", "accepted", "corrected", "bonus");
constexpr auto kDraftMethod = words("none", "ngram", "suffix", "draft");

static_assert(kWork.size() == count<WorkKind>());
static_assert(kRequestPhase.size() == count<RequestPhase>());
static_assert(kFinishReason.size() == count<FinishReason>());
static_assert(kMissReason.size() == count<MissReason>());
static_assert(kBlockState.size() == count<BlockState>());
static_assert(kBlockPhase.size() == count<BlockPhase>());
static_assert(kKvDtype.size() == count<KvDtype>());
static_assert(kCause.size() == count<Cause>());
static_assert(kMark.size() == count<MarkKind>());
static_assert(kDictionary.size() == count<DictionaryKind>());
static_assert(kRequestState.size() == count<RequestState>());
static_assert(kTokenOrigin.size() == count<TokenOrigin>());
static_assert(kDraftMethod.size() == count<DraftMethod>());
static_assert(kKnobOrigin.size() == static_cast<size_t>(KnobOrigin::kEngine) + 1);
static_assert(kKnobBound.size() == static_cast<size_t>(KnobBound::kUnavailable) + 1);

}  // namespace

std::string_view name(WorkKind work) { return look_up(kWork, work); }
std::string_view name(RequestPhase phase) { return look_up(kRequestPhase, phase); }
std::string_view name(FinishReason reason) { return look_up(kFinishReason, reason); }
std::string_view name(MissReason reason) { return look_up(kMissReason, reason); }
std::string_view name(BlockState state) { return look_up(kBlockState, state); }
std::string_view name(BlockPhase phase) { return look_up(kBlockPhase, phase); }
std::string_view name(KvDtype dtype) { return look_up(kKvDtype, dtype); }
std::string_view name(Cause cause) { return look_up(kCause, cause); }
std::string_view name(KnobOrigin origin) { return look_up(kKnobOrigin, origin); }
std::string_view name(KnobBound bound) { return look_up(kKnobBound, bound); }
std::string_view name(MarkKind mark) { return look_up(kMark, mark); }
std::string_view name(DictionaryKind kind) { return look_up(kDictionary, kind); }
std::string_view name(RequestState state) { return look_up(kRequestState, state); }
std::string_view name(TokenOrigin origin) { return look_up(kTokenOrigin, origin); }
std::string_view name(DraftMethod method) { return look_up(kDraftMethod, method); }

}  // namespace pitwall::telemetry
