// SPDX-License-Identifier: GPL-3.0-or-later
//
// The block map, from single changes and from keyframes.
#include <algorithm>

#include "telemetry/store/store.h"

namespace pitwall::telemetry {

namespace {
/// True when `phase` puts the block into the table of the request that it names.
bool takes(BlockPhase phase) {
    return phase == BlockPhase::kAllocated || phase == BlockPhase::kShared || phase == BlockPhase::kHit ||
           phase == BlockPhase::kCopied || phase == BlockPhase::kMoved;
}
}  // namespace

void Store::resize_blocks(size_t count) {
    if (count > kMaxBlocks) return;
    blocks_.resize(count);
    ++blocks_version_;
}

void Store::apply_block(const Event& event) {
    const BlockEvent& e = event.block;
    if (raw(e.block) >= kMaxBlocks) return;
    if (raw(e.block) >= blocks_.size()) resize_blocks(raw(e.block) + size_t{1});
    BlockRow& row = blocks_[raw(e.block)];
    row.state = e.state;
    row.dtype = e.dtype;
    row.owners = e.owners;
    row.filled_tokens = e.filled_tokens;
    const bool used = takes(e.phase) || e.phase == BlockPhase::kFilled || e.phase == BlockPhase::kReleased;
    if (used) row.used_ns = event.t_ns;
    if (e.state == BlockState::kFree)
        row.owner = kNoRequest;
    else if (e.request != kNoRequest && (takes(e.phase) || e.phase == BlockPhase::kFilled))
        row.owner = e.request;
    if (e.phase == BlockPhase::kEvicted) count_eviction(event.t_ns);
    if (e.request != kNoRequest) apply_table(e);
    ++blocks_version_;
}

void Store::apply_table(const BlockEvent& e) {
    if (takes(e.phase)) {
        if (e.table_index >= kMaxBlocks) return;
        std::vector<BlockId>& table = tables_[e.request];
        if (e.table_index >= table.size()) table.resize(e.table_index + size_t{1}, kNoBlock);
        table[e.table_index] = e.block;
        return;
    }
    if (e.phase != BlockPhase::kReleased) return;
    const auto found = tables_.find(e.request);
    if (found == tables_.end()) return;
    std::vector<BlockId>& table = found->second;
    // Tables are released whole, from the end mostly: look where the event says, then give trailing holes back.
    if (e.table_index < table.size() && table[e.table_index] == e.block)
        table[e.table_index] = kNoBlock;
    else
        std::replace(table.begin(), table.end(), e.block, kNoBlock);
    while (!table.empty() && table.back() == kNoBlock) table.pop_back();
    if (table.empty()) tables_.erase(found);
}

void Store::count_eviction(int64_t t_ns) {
    if (!eviction_open_) {
        evictions_.push_back({t_ns, 0});
        rows_bytes_ += sizeof(EvictionRow);
        eviction_open_ = true;
    }
    ++evictions_.back().blocks;
}

std::vector<BlockId> Store::block_table(RequestId id) const {
    std::vector<BlockId> blocks;
    if (const auto found = tables_.find(id); found != tables_.end()) {
        blocks = found->second;
        std::erase(blocks, kNoBlock);
        return blocks;
    }
    const RequestRow* row = find_request(id);
    if (row == nullptr || row->ended() || row->blocks == 0) return blocks;
    // Attached late: the keyframe told owners, not places.
    for (size_t i = 0; i < blocks_.size(); ++i)
        if (blocks_[i].owner == id && blocks_[i].state == BlockState::kHeld)
            blocks.push_back(BlockId{uint32_t(i)});
    return blocks;
}

// ------------------------------------------------------------------------------------------------ keyframes

void Store::apply_keyframe(const Event& event) {
    const KeyframeEvent& e = event.keyframe;
    if (e.part == KeyframePart::kBegin) return begin_keyframe(e.begin, event.t_ns);
    if (!staging_.open) return;  // its beginning was dropped
    switch (e.part) {
        case KeyframePart::kBlocks:
            return stage_blocks(e.blocks, event.t_ns);
        case KeyframePart::kRequest:
            return apply_keyframe_request(e.request);
        case KeyframePart::kKnob:
            return apply_keyframe_knob(e.knob);
        case KeyframePart::kCounters:
            counters_ = e.counters;
            return;
        case KeyframePart::kEnd:
            return end_keyframe();
        case KeyframePart::kBegin:
            return;
    }
}

void Store::note_pool(const KeyframeBegin& e, int64_t t_ns) {
    const PoolShape* last = pool_shapes_.empty() ? nullptr : &pool_shapes_.back();
    if (last && last->num_blocks == e.num_blocks && last->bytes_per_block == e.bytes_per_block) return;
    pool_shapes_.push_back({t_ns, e.num_blocks, e.bytes_per_block});
    if (pool_shapes_.size() > kMaxPoolShapes)
        pool_shapes_.erase(pool_shapes_.begin(), pool_shapes_.begin() + kMaxPoolShapes / 4);
}

void Store::begin_keyframe(const KeyframeBegin& e, int64_t t_ns) {
    staging_ = {};
    if (e.num_blocks > kMaxBlocks) return;
    staging_.open = true;
    staging_.blocks.resize(e.num_blocks);
    if (e.block_tokens > 0) block_tokens_ = e.block_tokens;
    bytes_per_block_ = e.bytes_per_block;
    note_pool(e, t_ns);
}

void Store::stage_blocks(const KeyframeBlocks& e, int64_t t_ns) {
    for (uint32_t r = 0; r < std::min<uint32_t>(e.used, KeyframeBlocks::kRuns); ++r) {
        const KeyframeBlockRun& run = e.runs[r];
        const size_t begin = std::min<size_t>(raw(run.first), staging_.blocks.size());
        const size_t end = std::min<size_t>(begin + run.count, staging_.blocks.size());
        for (size_t i = begin; i < end; ++i) {
            BlockRow row{run.owner, run.state, run.dtype, run.owners, run.filled_tokens, 0};
            row.used_ns = t_ns - int64_t{run.idle_ms} * 1'000'000;
            // The map knows to the nanosecond what a keyframe tells in milliseconds.
            if (!incomplete_ && i < blocks_.size() && blocks_[i].state == row.state)
                row.used_ns = blocks_[i].used_ns;
            staging_.blocks[i] = row;
        }
    }
}

void Store::apply_keyframe_request(const KeyframeRequest& e) {
    if (e.request == kNoRequest || e.state >= RequestState::kEnded) return;
    staging_.requests.push_back(e.request);
    RequestRow& row = request_row(e.request);
    if (row.ended()) return;
    row.state = e.state;
    row.request_class = e.request_class;
    row.priority = e.priority;
    row.arrival_ns = e.arrival_ns;
    row.admitted_ns = e.admitted_ns;
    row.first_token_ns = e.first_token_ns;
    row.last_token_ns = e.last_token_ns;
    row.prompt_tokens = e.prompt_tokens;
    row.cached_tokens = e.cached_tokens;
    row.output_tokens = e.output_tokens;
    row.max_tokens = e.max_tokens;
    row.blocks = e.blocks;
    row.preemptions = e.preemptions;
}

void Store::apply_keyframe_knob(const KeyframeKnob& e) {
    if (e.knob >= kMaxKnobs) return;
    if (e.knob >= knobs_.size()) knobs_.resize(e.knob + 1u);
    KnobState& state = knobs_[e.knob];
    if (state.known && state.last.effective_value == e.effective_value &&
        state.last.asked_value == e.asked_value)
        return;
    state.known = true;
    state.last = {};
    state.last.knob = e.knob;
    state.last.value_kind = e.value_kind;
    state.last.bound = e.bound;
    state.last.origin = KnobOrigin::kStart;
    state.last.asked_value = e.asked_value;
    state.last.effective_value = state.last.old_value = e.effective_value;
}

void Store::end_keyframe() {
    blocks_.swap(staging_.blocks);
    ++blocks_version_;
    if (incomplete_) {
        // Events were dropped: who is not in the keyframe ended unseen, and tables may have changed.
        tables_.clear();
        std::sort(staging_.requests.begin(), staging_.requests.end());
        std::vector<RequestId> unseen;
        for (const auto& [id, row] : active_)
            if (!std::binary_search(staging_.requests.begin(), staging_.requests.end(), id))
                unseen.push_back(id);
        for (const RequestId id : unseen) {
            RequestRow& row = requests_.find(id)->second;
            row.state = RequestState::kEnded;
            note_ended(row);
        }
    }
    if (incomplete_ && events_dropped_ > 0) dropped_ns_ = now_ns_;
    const bool at_start = !counters_ || counters_->steps == 0;
    // A recording that was begun in the middle of a session starts with what a keyframe can tell.
    const bool joined_late = steps_.empty() && events_dropped_ == 0;
    if ((history_cut_ || joined_late) && !at_start) history_begin_ns_ = std::max(history_begin_ns_, now_ns_);
    incomplete_ = history_cut_ = false;
    staging_ = {};
}

}  // namespace pitwall::telemetry
