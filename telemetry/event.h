// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one currency of Pitwall: what a panel shows, what a recording holds and what an exporter sends came as these
// events. Each is a POD of fixed size with ids instead of strings; what an id means is said by a Dictionary event
// that precedes its first use. FORMAT.md says how each kind is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "telemetry/base/ids.h"
#include "telemetry/device_events.h"

namespace pitwall::telemetry {

enum class EventKind : uint8_t {
    kDictionary,
    kKeyframe,
    kStep,
    kStepMember,
    kRequest,
    kBlock,
    kCause,
    kKnob,
    kDevice,
    kMark,
    kDraft,
    kProbe,
    kKernels,
    kGpu,
    kCount
};

// ---------------------------------------------------------------------------------------------- dictionary

enum class DictionaryKind : uint8_t {
    kSession,       ///< text is "key=value"; id counts up. Becomes v_session
    kKnobName,      ///< id = knob number
    kKnobChoice,    ///< id = knob number << 8 | choice number
    kRequestClass,  ///< id = class number ("chat", "document", ...)
    kPrompt,        ///< id = request; left out with record_text=off
    kToken,         ///< id = token; its bytes, which need not be whole UTF-8; left out with record_text=off
    kError,         ///< id = request; why it was rejected, timed out or failed
    kCount
};

/// A piece of a dictionary text. Pieces of one text follow each other, in order, from one producer.
struct DictionaryEvent {
    static constexpr size_t kPieceBytes = 88;
    DictionaryKind dictionary;
    uint8_t length;  ///< bytes of `bytes` in use
    uint16_t reserved;
    uint32_t id;
    uint32_t total_bytes;  ///< of the whole text
    uint32_t offset;       ///< of this piece
    char bytes[kPieceBytes];
};

// ---------------------------------------------------------------------------------------------- steps

/// One engine step. t_ns is its start; plan + execute + sample + commit lie inside duration.
struct StepEvent {
    uint64_t step_id;
    int64_t duration_ns;
    uint32_t plan_ns, sample_ns,
        commit_ns;  ///< scheduling without drafting, sampling, bookkeeping and publishing
    uint32_t prefill_tokens, recompute_tokens, decode_tokens, draft_tokens;
    uint32_t cached_tokens;  ///< prompt tokens that this step's admissions took from the prefix cache
    uint32_t budget_tokens;  ///< token budget in force
    uint32_t running, waiting;
    uint32_t blocks_held, blocks_cached, blocks_free;  ///< after the step; they sum to the pool
    uint32_t slots_filled;                             ///< token slots of held blocks that hold a token
    float flops;                                       ///< floating-point operations computed by the executor
    int64_t execute_ns;
    double bytes;  ///< bytes of weights and KV moved, as counted by the executor
};

/// A kind of work that a sequence may have in a step.
enum class WorkKind : uint8_t { kPrefill, kRecompute, kDecode, kDraft, kCount };

/// One row for each sequence and kind in a step; precedes the step's own event.
struct StepMemberEvent {
    uint64_t step_id;
    RequestId request;
    WorkKind work;
    uint8_t reserved[3];
    uint32_t tokens;
    uint32_t first_position;  ///< of those tokens in the sequence
    uint32_t blocks;          ///< length of its block table
};

// ---------------------------------------------------------------------------------------------- requests

enum class RequestPhase : uint8_t {
    kArrived,
    kAdmitted,
    kRejected,
    kScheduled,
    kFirstToken,
    kToken,
    kPreempted,
    kResumed,
    kCancelled,
    kFinished,
    kFailed,
    kTimedOut,
    kCount
};
enum class FinishReason : uint8_t { kNone, kStop, kLength, kRejected, kCancelled, kTimeout, kFailed, kCount };
/// Why (part of) a prompt was not found in the prefix cache.
enum class MissReason : uint8_t { kNone, kCold, kEvicted, kDisabled, kTooShort, kCount };
/// How a token came about: without a draft, as a draft that the sampler picked too, in place of the first one that it did
/// not pick, or after the last of a step's drafts, which it all picked.
enum class TokenOrigin : uint8_t { kPlain, kAccepted, kCorrected, kBonus, kCount };

/// t_ns is when the engine did it. `arrival_ns` (the scheduled arrival, never later than t_ns) is in every phase.
struct RequestEvent {
    RequestId request;
    RequestPhase phase;
    FinishReason reason;  ///< with an end
    uint16_t request_class;
    int64_t arrival_ns;
    uint32_t prompt_tokens, cached_tokens, output_tokens;  ///< so far
    uint32_t max_tokens;
    TokenId token;  ///< with kFirstToken and kToken, else -1
    int32_t priority;
    uint32_t blocks;     ///< length of its block table now
    MissReason miss;     ///< with kScheduled
    TokenOrigin origin;  ///< with kFirstToken and kToken
    uint8_t reserved[2];
    uint64_t step_id;  ///< the step that did it, where one did
};

// ---------------------------------------------------------------------------------------------- speculation

enum class DraftMethod : uint8_t { kNone, kNgram, kSuffix, kDraft, kCount };

/// One for each sequence and step that verified drafts; t_ns is when the step's results were collected. It comes after the
/// tokens that it gave and before the step's own event.
struct DraftEvent {
    uint64_t step_id;
    RequestId request;
    DraftMethod method;
    uint8_t reserved[3];
    uint32_t drafted;   ///< at least 1
    uint32_t accepted;  ///< handed out: the sampler picked them, and the answer did not end before
    uint32_t most;      ///< that might have been drafted
    uint32_t reserved_too;
    int64_t draft_ns;  ///< that this sequence's drafting took
};

// ---------------------------------------------------------------------------------------------- blocks

enum class BlockState : uint8_t { kFree, kHeld, kCached, kCount };
enum class BlockPhase : uint8_t {
    kAllocated,
    kFilled,
    kShared,
    kHit,
    kReleased,
    kEvicted,
    kCopied,
    kConverted,
    kMoved,
    kCount
};
enum class KvDtype : uint8_t { kF32, kF16, kBf16, kFp8, kInt8, kK8V4, kInt4, kCount };

/// The block after the change; a map kept from these and a keyframe is the pool.
struct BlockEvent {
    BlockId block;
    RequestId request;  ///< whose doing it was
    BlockPhase phase;
    BlockState state;
    KvDtype dtype;
    uint8_t reserved;
    uint16_t owners;         ///< reference count
    uint16_t filled_tokens;  ///< of its token slots
    uint32_t table_index;    ///< its place in the request's block table
    BlockId source;          ///< with kCopied: copied from
};

/// What the format of the KV cache costs, on a piece of a request's text: its tokens [first_token, first_token + tokens)
/// were computed twice as a text of their own, with KV in `reference` and in `dtype`, and the distributions of the token
/// after each 4th from the 8th on were compared. `score` of the same tokens gives the same figures.
struct ProbeEvent {
    RequestId request;
    KvDtype dtype, reference;
    uint16_t reserved;
    uint32_t first_token, tokens;
    uint32_t positions;        ///< compared
    uint32_t flips;            ///< of these, where the most probable token is another
    double mean_kl, worst_kl;  ///< KL divergence of the reference from the format, in nats
    int64_t cost_ns;           ///< that the engine spent on it
};

// ---------------------------------------------------------------------------------------------- causes

/// Where a request's time went. Every nanosecond between arrival and end belongs to exactly one. FORMAT.md defines each.
enum class Cause : uint8_t {
    kWaitCapacity,  ///< waiting for blocks or a seat (max_num_seqs, pool)
    kWaitBudget,    ///< waiting: the step's token budget was used up
    kWaitPolicy,    ///< there was budget and room, another went first
    kPaused,        ///< engine paused; counts toward no SLO and no time-out
    kNotInStep,     ///< running, but not in this step (decodes rotate)
    kRecorder,      ///< the recorder's queue was full
    kPrefillOwn,
    kPrefillOthers,  ///< others' prefill in the same step
    kDecode,
    kSpeculation,  ///< drafting and rejected drafts
    kPreempted,    ///< preempted, waiting to resume, and recomputing
    kKvMove,       ///< moving or converting KV, copy-on-write
    kSampling,
    kScheduling,  ///< planning and committing steps
    kDelivery,    ///< from scheduled arrival until the engine took it in; handing tokens out
    kRestart,     ///< the device was lost, and another was being made ready in its place
    kCount
};

/// t_ns = start. Published as it happens; of one request they tile [arrival_ns, end_ns] without gap or overlap.
struct CauseEvent {
    RequestId request;
    Cause cause;
    uint8_t reserved[3];
    int64_t duration_ns;
    uint64_t step_id;
};

// ---------------------------------------------------------------------------------------------- knobs

enum class ValueKind : uint8_t { kInteger, kReal, kBoolean, kChoice };
enum class KnobOrigin : uint8_t { kStart, kUser, kScript, kPreset, kEngine };
/// Which bound holds the effective value away from the asked one.
enum class KnobBound : uint8_t {
    kNone,
    kRange,
    kCapacity,
    kInFlight,
    kDraining,
    kUnavailable  ///< what it needs is not there
};

/// The change as applied between two steps. With origin kStart there is no old value.
struct KnobEvent {
    uint16_t knob;
    ValueKind value_kind;
    KnobOrigin origin;
    KnobBound bound;
    uint8_t reserved[3];
    double old_value, asked_value, effective_value;
    int64_t pause_ns;  ///< how long applying it held the engine
    uint64_t step_id;  ///< the first step that it governs
};

// ---------------------------------------------------------------------------------------------- the rest

enum class MarkKind : uint8_t {
    kPaused,
    kResumed,
    kSingleStep,
    kRecorderWait,    ///< value = ns that the engine waited for the recorder
    kGap,             ///< value = events left out here
    kCacheFlushed,    ///< value = blocks
    kRecordingEnded,  ///< value = errno-like reason; the engine goes on
    kSessionEnd,
    kDeviceLost,  ///< value = how many so far, this one included
    kReplayJump,  ///< a replay went elsewhere: what follows begins anew, with a keyframe. Never recorded
    kCount
};
struct MarkEvent {
    MarkKind mark;
    uint8_t reserved[7];
    int64_t value;
};

// ---------------------------------------------------------------------------------------------- keyframes

/// A keyframe is a run of these, kBegin first, kEnd last, from one producer with nothing between but dictionaries.
enum class KeyframePart : uint8_t { kBegin, kBlocks, kRequest, kKnob, kCounters, kEnd };

/// `count` blocks from `first` on that are alike: free runs of a large pool cost one entry.
struct KeyframeBlockRun {
    BlockId first;
    uint32_t count;
    RequestId owner;  ///< of a held block who took it last, of a cached one who had it last
    uint16_t owners;
    uint16_t filled_tokens;
    BlockState state;
    KvDtype dtype;
    uint16_t reserved;
    uint32_t idle_ms;  ///< since it was last used
};
struct KeyframeBegin {
    uint64_t keyframe_id;
    uint32_t num_blocks, block_tokens, requests;
    uint32_t bytes_per_block;
};
struct KeyframeBlocks {
    static constexpr size_t kRuns = 3;
    uint32_t used;
    KeyframeBlockRun runs[kRuns];
};
enum class RequestState : uint8_t { kWaiting, kPrefill, kDecode, kPreempted, kEnded, kCount };
struct KeyframeRequest {
    RequestId request;
    RequestState state;
    uint8_t reserved;
    uint16_t request_class;
    int64_t arrival_ns, admitted_ns, first_token_ns, last_token_ns;  ///< -1 where not yet
    uint32_t prompt_tokens, cached_tokens, output_tokens, max_tokens, blocks, preemptions;
    int32_t priority;
};
struct KeyframeKnob {
    uint16_t knob;
    ValueKind value_kind;
    KnobBound bound;
    uint32_t reserved;
    double asked_value, effective_value;
};
struct KeyframeCounters {
    uint64_t steps, requests, finished, preemptions, evictions, prompt_tokens, cached_tokens, output_tokens;
    uint64_t events, drafted_tokens, accepted_tokens;
};
struct KeyframeEvent {
    KeyframePart part;
    uint8_t reserved[7];
    union {
        KeyframeBegin begin;
        KeyframeBlocks blocks;
        KeyframeRequest request;
        KeyframeKnob knob;
        KeyframeCounters counters;
    };
};

// ---------------------------------------------------------------------------------------------- the event

struct Event {
    uint64_t seq = 0;  ///< total order, given by the bus; from 1
    int64_t t_ns = 0;  ///< session time, stamped where it happened
    EventKind kind = EventKind::kMark;
    uint8_t reserved[7] = {};
    union {
        DictionaryEvent dictionary;
        KeyframeEvent keyframe;
        StepEvent step;
        StepMemberEvent member;
        RequestEvent request;
        BlockEvent block;
        CauseEvent cause;
        KnobEvent knob;
        DeviceEvent device;
        MarkEvent mark;
        DraftEvent draft;
        ProbeEvent probe;
        KernelsEvent kernels;
        GpuEvent gpu;
    };
    Event() : dictionary{} {}
};

static_assert(sizeof(Event) == 128, "the format, the rings and the recorder's budget count on it");
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace pitwall::telemetry
