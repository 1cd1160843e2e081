// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "telemetry/event.h"
#include "telemetry/store/folded_history.h"
#include "telemetry/store/time_range.h"

namespace pitwall::telemetry {

/// Bounds on what an event may say, so that a damaged one cannot ask for all the memory there is.
inline constexpr uint32_t kMaxBlocks = 1u << 22;
inline constexpr uint32_t kMaxKnobs = 1u << 12;
inline constexpr uint32_t kMaxTextBytes = 1u << 26;

/// One request as the events told it. Times are -1 until they happened.
struct RequestRow {
    RequestId id{};
    RequestState state = RequestState::kWaiting;
    FinishReason finish_reason = FinishReason::kNone;
    MissReason miss = MissReason::kNone;
    uint16_t request_class = 0;
    int32_t priority = 0;
    int64_t arrival_ns = -1, admitted_ns = -1, scheduled_ns = -1, first_token_ns = -1, last_token_ns = -1,
            end_ns = -1;
    uint32_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0, max_tokens = 0, blocks = 0,
             preemptions = 0;
    std::array<int64_t, static_cast<size_t>(Cause::kCount)> cause_ns{};
    struct Token {
        TokenId id;
        TokenOrigin origin;
        int64_t t_ns;
    };
    std::vector<Token> tokens;  ///< output so far; none where `folded`
    bool folded = false;  ///< ended long ago: counts, times and causes are kept, tokens and prompt are not
    std::string error;
    int64_t paused_before_first_token_ns = 0;  ///< of cause_ns[kPaused]; no SLO counts it
    bool ended() const { return state == RequestState::kEnded; }
    int64_t ttft_ns() const { return first_token_ns < 0 ? -1 : first_token_ns - arrival_ns; }
    int64_t e2e_ns() const { return end_ns < 0 ? -1 : end_ns - arrival_ns; }
    /// (last - first token) / (output - 1); -1 under two output tokens (vLLM's definition).
    double tpot_ns() const {
        return output_tokens < 2 || last_token_ns < 0
                   ? -1
                   : double(last_token_ns - first_token_ns) / (output_tokens - 1);
    }
};

struct BlockRow {
    RequestId owner = kNoRequest;  ///< of a held block who took it last, of a cached one who had it last
    BlockState state = BlockState::kFree;
    KvDtype dtype = KvDtype::kF16;
    uint16_t owners = 0, filled_tokens = 0;
    int64_t used_ns = 0;  ///< when it was last allocated, filled, hit or released
};

struct KnobChange {
    uint32_t number = 0;  ///< 1 for the first change of the session; start values have no number
    int64_t t_ns = 0;
    KnobEvent event{};
};
struct KnobState {
    KnobEvent last{};
    bool known = false;
    uint32_t changes = 0;
};

struct MarkRow {
    int64_t t_ns = 0;
    MarkKind mark{};
    int64_t value = 0;
};
struct EvictionRow {
    int64_t t_ns = 0;
    uint32_t blocks = 0;
};

struct ProbeRow {
    int64_t t_ns = 0;
    ProbeEvent probe{};
};

struct GpuRow {
    int64_t t_ns = 0;
    GpuEvent gpu{};
};

/// What a keyframe said of the pool. A change of the KV cache's format comes with one.
struct PoolShape {
    int64_t t_ns = 0;
    uint32_t num_blocks = 0, bytes_per_block = 0;
};

/// How much a store keeps.
struct StoreLimits {
    size_t memory_bytes = size_t{512} << 20;
    /// Session time for which single steps, tokens and prompts are kept. What is older is folded: requests keep
    /// their row, steps and evictions become sums over pieces of time, exact for every range that cuts no piece.
    int64_t detail_ns = INT64_MAX;
};

/// Everything the panels read, kept from events alone, whatever their source. Single-threaded: the GUI thread
/// (or a headless summary) owns it. Folds detail by age, and before its time where memory runs out; when folding no
/// longer helps, the rows of the oldest requests are dropped and counted in `rows_trimmed()`. What was folded or
/// dropped is in the recording (record/session_query.h).
class Store {
  public:
    explicit Store(StoreLimits limits = {});
    Store(Store&&) = default;  // not copied: the indices of requests point at its own rows
    Store& operator=(Store&&) = default;

    void apply(std::span<const Event> events);
    /// The reader left these out; blocks are unsure until the next keyframe.
    void note_dropped(uint64_t events);
    void clear() { clear(limits_); }  ///< for a seek: what follows starts with a keyframe
    void clear(StoreLimits limits);   ///< for another session

    // Present state.
    int64_t now_ns() const { return now_ns_; }  ///< time of the newest event
    /// Of the first event: where the session begins, or the recording that was begun in its middle.
    int64_t begin_ns() const { return begin_ns_; }
    uint64_t events_applied() const { return events_applied_; }
    uint64_t events_dropped() const { return events_dropped_; }
    bool incomplete() const { return incomplete_; }  ///< between a drop and the next keyframe
    bool paused() const { return paused_; }
    std::span<const BlockRow> blocks() const { return blocks_; }  ///< index = raw(BlockId)
    uint32_t block_tokens() const { return block_tokens_; }
    uint32_t bytes_per_block() const { return bytes_per_block_; }
    uint64_t blocks_version() const { return blocks_version_; }  ///< moves when any block does
    const KnobState& knob(uint16_t knob) const;
    /// The effective value of the knob of that name, `otherwise` where no event told it.
    double knob_value(std::string_view name, double otherwise) const;
    std::span<const KnobChange> knob_changes() const { return knob_changes_; }
    std::string_view text(DictionaryKind kind, uint32_t id) const;  ///< "" where unknown
    std::string_view session(std::string_view key) const;           ///< of v_session, "" where unknown
    const std::map<std::string, std::string, std::less<>>& session_facts() const { return session_; }
    const std::optional<DeviceEvent>& device() const { return device_; }

    // History, oldest first.
    const std::deque<StepRow>& steps() const { return steps_; }
    const StepRow* find_step(StepId id) const;
    const RequestRow* find_request(RequestId id) const;
    const std::map<RequestId, RequestRow>& requests() const { return requests_; }  ///< ordered by number
    /// Calls `fn(row)` once for each request that something happened to in `range`, and for a few more: those that
    /// have not ended, and those that ended in it or so soon after it that they may have been there. In no useful
    /// order. Costs what the range holds, however many requests there ever were.
    template <class Fn>
    void for_requests(TimeRange range, Fn&& fn) const;
    const std::deque<EvictionRow>& evictions() const { return evictions_; }  ///< summed per step
    const std::deque<MarkRow>& marks() const { return marks_; }
    const std::deque<ProbeRow>& probes() const { return probes_; }          ///< the newest kMaxProbes
    int64_t probes_begin_ns() const { return probes_begin_ns_; }            ///< from when on all are here
    const std::deque<GpuRow>& gpu_samples() const { return gpu_samples_; }  ///< the newest kMaxGpuSamples
    /// One for each keyframe that told something else than the one before.
    std::span<const PoolShape> pool_shapes() const { return pool_shapes_; }
    const FoldedHistory& folded() const { return folded_; }
    static constexpr size_t kMaxProbes = 4096, kMaxGpuSamples = 4096, kMaxPoolShapes = 4096;
    uint64_t rows_trimmed() const { return rows_trimmed_; }
    size_t memory_bytes() const;
    /// `range`, widened so that sums over it are exact: at most by the pieces of folded history that its ends lie in.
    TimeRange snapped(TimeRange range) const { return folded_.snapped(range); }

    /// The blocks of a request that are known to be its own now, in table order.
    std::vector<BlockId> block_table(RequestId id) const;
    /// Output text so far, whole UTF-8 characters only.
    std::string output_text(RequestId id) const;
    std::string output_text(std::span<const RequestRow::Token> tokens) const;

    /// Totals since the session's start as the last keyframe told them; none before the first.
    const std::optional<KeyframeCounters>& counters() const { return counters_; }
    /// From when on statistics are complete but for what was dropped on the way; INT64_MIN: from the start.
    int64_t history_begin_ns() const { return history_begin_ns_; }
    /// From when on every step, token and prompt is here one by one; not before history_begin_ns().
    int64_t detail_begin_ns() const { return std::max(history_begin_ns_, folded_ns_); }
    /// From when on nothing is missing, neither trimmed nor dropped on the way; INT64_MIN where nothing ever was.
    int64_t complete_since_ns() const { return std::max(history_begin_ns_, dropped_ns_); }
    /// Moves with each clear(): what was worked out from the rows before is worth nothing.
    uint64_t generation() const { return generation_; }

  private:
    /// A keyframe under way: it replaces the block map in one go, so that nobody sees half of it.
    struct Staging {
        bool open = false;
        std::vector<BlockRow> blocks;
        std::vector<RequestId> requests;
    };
    struct EndedRequest {
        int64_t known_ns;  ///< now_ns() when it ended: nothing happens to it afterwards
        const RequestRow* row;
    };
    void note_ended(const RequestRow& row);
    void apply_one(const Event& event);
    void apply_dictionary(const DictionaryEvent& e);
    void apply_keyframe(const Event& event);
    void begin_keyframe(const KeyframeBegin& e, int64_t t_ns);
    void stage_blocks(const KeyframeBlocks& e, int64_t t_ns);
    void apply_keyframe_request(const KeyframeRequest& e);
    void apply_keyframe_knob(const KeyframeKnob& e);
    void end_keyframe();
    void apply_step(const Event& event);
    void apply_member(const StepMemberEvent& e);
    void apply_draft(const DraftEvent& e);
    void apply_probe(const Event& event);
    void apply_kernels(const KernelsEvent& e);
    void apply_gpu(const Event& event);
    void note_pool(const KeyframeBegin& e, int64_t t_ns);
    void apply_request(const Event& event);
    void apply_phase(RequestRow& row, const Event& event);
    void end_request(RequestRow& row, int64_t t_ns, FinishReason reason);
    void apply_cause(const Event& event);
    void apply_block(const Event& event);
    void apply_table(const BlockEvent& e);
    void count_eviction(int64_t t_ns);
    void apply_knob(const Event& event);
    void apply_mark(const Event& event);
    RequestRow& request_row(RequestId id);
    void resize_blocks(size_t count);
    void forget_text(DictionaryKind kind, RequestId id);
    void fold_old();
    bool fold_oldest(int64_t before_ns);
    void fold_step();
    void fold_request();
    void fold_eviction();
    void trim();
    bool drop_oldest();

    StoreLimits limits_;
    size_t rows_bytes_ = 0;    ///< of all that grows with time
    size_t folded_bytes_ = 0;  ///< of them, rows of folded requests
    FoldedHistory folded_;
    size_t folded_requests_ = 0;  ///< the first of ended_
    int64_t folded_ns_ = std::numeric_limits<int64_t>::min();
    int64_t history_begin_ns_ = std::numeric_limits<int64_t>::min();
    int64_t dropped_ns_ = std::numeric_limits<int64_t>::min();  ///< when events were last left out
    bool history_cut_ = false;    ///< cleared: history begins with the next keyframe
    bool eviction_open_ = false;  ///< the last eviction row belongs to the step under way
    uint32_t knob_changes_seen_ = 0;
    uint64_t pending_step_ = 0;
    Staging staging_;
    std::optional<KeyframeCounters> counters_;
    std::unordered_map<RequestId, std::vector<BlockId>> tables_;  ///< of requests that hold blocks
    std::map<RequestId, const RequestRow*> active_;               ///< those that have not ended
    std::deque<EndedRequest> ended_;                              ///< in order of their end
    int64_t longest_ns_ = 0;  ///< from arrival to known_ns, of all that ended
    int64_t begin_ns_ = 0, now_ns_ = 0;
    uint64_t events_applied_ = 0, events_dropped_ = 0, rows_trimmed_ = 0, blocks_version_ = 0,
             generation_ = 0;
    bool incomplete_ = false, paused_ = false;
    uint32_t block_tokens_ = 16, bytes_per_block_ = 0;
    std::vector<BlockRow> blocks_;
    std::vector<KnobState> knobs_;
    std::vector<KnobChange> knob_changes_;
    std::unordered_map<uint64_t, std::string> texts_;  ///< key: kind << 32 | id
    std::map<std::string, std::string, std::less<>> session_;
    std::optional<DeviceEvent> device_;
    std::deque<StepRow> steps_;
    std::vector<StepMemberRow> pending_members_;
    std::vector<DraftRow> pending_drafts_;
    uint64_t pending_drafts_step_ = 0;
    std::optional<KernelsEvent> pending_kernels_;
    std::deque<ProbeRow> probes_;
    std::deque<GpuRow> gpu_samples_;
    int64_t probes_begin_ns_ = std::numeric_limits<int64_t>::min();
    std::vector<PoolShape> pool_shapes_;
    std::map<RequestId, RequestRow> requests_;
    std::deque<EvictionRow> evictions_;
    std::deque<MarkRow> marks_;
};

template <class Fn>
void Store::for_requests(TimeRange range, Fn&& fn) const {
    const auto earlier = [](const EndedRequest& ended, int64_t t_ns) { return ended.known_ns < t_ns; };
    auto ended = std::lower_bound(ended_.begin(), ended_.end(), range.begin_ns, earlier);
    for (; ended != ended_.end() && ended->known_ns - longest_ns_ < range.end_ns; ++ended) fn(*ended->row);
    for (const auto& [id, row] : active_) fn(*row);
}

}  // namespace pitwall::telemetry
