// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is kept of long ago: detail is folded into sums by age, and rows are dropped where memory runs out.
#include <algorithm>

#include "telemetry/store/row_bytes.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

namespace {
constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
}

size_t Store::memory_bytes() const {
    return rows_bytes_ + (blocks_.capacity() + staging_.blocks.capacity()) * sizeof(BlockRow) +
           knob_changes_.capacity() * sizeof(KnobChange) + folded_.memory_bytes() +
           probes_.size() * sizeof(ProbeRow) + gpu_samples_.size() * sizeof(GpuRow) +
           pool_shapes_.capacity() * sizeof(PoolShape);
}

/// By the age that things had at the newest step: while an engine is paused, what one looks at stays.
void Store::fold_old() {
    const int64_t newest_ns = steps_.empty() ? now_ns_ : steps_.back().start_ns;
    if (limits_.detail_ns >= newest_ns) return;  // also where that is for ever
    const int64_t before_ns = newest_ns - limits_.detail_ns;
    while (fold_oldest(before_ns)) {
    }
}

/// Folds the oldest step, ended request or eviction, if it is older than `before_ns`.
bool Store::fold_oldest(int64_t before_ns) {
    // The last step is the present state of much, the last eviction may be open.
    const int64_t step = steps_.size() < 2 ? kNone : steps_.front().start_ns;
    const int64_t request = folded_requests_ == ended_.size() ? kNone : ended_[folded_requests_].known_ns;
    const int64_t eviction = evictions_.size() < 2 ? kNone : evictions_.front().t_ns;
    const int64_t oldest = std::min({step, request, eviction});
    if (oldest == kNone || oldest >= before_ns) return false;
    folded_ns_ = std::max(folded_ns_, oldest + 1);
    if (oldest == step)
        fold_step();
    else if (oldest == request)
        fold_request();
    else
        fold_eviction();
    return true;
}

void Store::fold_step() {
    const StepRow& row = steps_.front();
    folded_.add_step(row, block_tokens_);
    rows_bytes_ -= step_bytes(row);
    steps_.pop_front();
}

/// What is large goes: its tokens, of which the sums are kept, and its prompt.
void Store::fold_request() {
    RequestRow& row = requests_.find(ended_[folded_requests_++].row->id)->second;
    for (const RequestRow::Token& token : row.tokens) folded_.add_output_tokens(token.t_ns, 1);
    rows_bytes_ -= token_bytes(row.tokens.size());
    row.tokens = std::vector<RequestRow::Token>();  // not {}, which would keep its memory
    row.folded = true;
    forget_text(DictionaryKind::kPrompt, row.id);
    folded_bytes_ += row_bytes();
}

void Store::fold_eviction() {
    folded_.add_evictions(evictions_.front().t_ns, evictions_.front().blocks);
    rows_bytes_ -= sizeof(EvictionRow);
    evictions_.pop_front();
}

/// An eighth below the budget, so that it happens now and then and not with every event. The rows of requests that are
/// folded may take half of what rows can have before any is dropped: without them quantiles over the session are not whole.
void Store::trim() {
    const size_t wanted = limits_.memory_bytes - limits_.memory_bytes / 8;
    while (memory_bytes() > wanted) {
        const size_t others = memory_bytes() - rows_bytes_;
        const size_t for_rows = wanted > others ? wanted - others : 0;
        if (folded_bytes_ <= for_rows / 2 && fold_oldest(kNone)) continue;
        if (!drop_oldest() && !fold_oldest(kNone)) return;
        ++rows_trimmed_;
    }
}

/// The row of the request that ended first, if it is folded.
bool Store::drop_oldest() {
    if (folded_requests_ == 0) return false;
    const EndedRequest oldest = ended_.front();
    const RequestId id = oldest.row->id;
    history_begin_ns_ = std::max(history_begin_ns_, oldest.known_ns + 1);
    rows_bytes_ -= row_bytes();
    folded_bytes_ -= row_bytes();
    --folded_requests_;
    forget_text(DictionaryKind::kError, id);
    ended_.pop_front();
    requests_.erase(id);
    return true;
}

}  // namespace pitwall::telemetry
