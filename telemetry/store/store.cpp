// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/store/store.h"

#include <algorithm>

#include "telemetry/base/utf8.h"
#include "telemetry/store/row_bytes.h"

namespace pitwall::telemetry {

namespace {
constexpr uint64_t text_key(DictionaryKind kind, uint32_t id) {
    return static_cast<uint64_t>(kind) << 32 | id;
}
constexpr size_t kMaxKnobChanges = size_t{1} << 16, kMaxMarks = size_t{1} << 16;
}  // namespace

Store::Store(StoreLimits limits) : limits_(limits), folded_(limits.memory_bytes / 8) {}

void Store::apply(std::span<const Event> events) {
    if (events_applied_ == 0 && !events.empty()) begin_ns_ = events.front().t_ns;
    for (const Event& event : events) apply_one(event);
    events_applied_ += events.size();
    fold_old();
    if (memory_bytes() > limits_.memory_bytes) trim();
}

void Store::apply_one(const Event& event) {
    now_ns_ = std::max(now_ns_, event.t_ns);
    switch (event.kind) {
        case EventKind::kDictionary:
            return apply_dictionary(event.dictionary);
        case EventKind::kKeyframe:
            return apply_keyframe(event);
        case EventKind::kStep:
            return apply_step(event);
        case EventKind::kStepMember:
            return apply_member(event.member);
        case EventKind::kRequest:
            return apply_request(event);
        case EventKind::kBlock:
            return apply_block(event);
        case EventKind::kCause:
            return apply_cause(event);
        case EventKind::kKnob:
            return apply_knob(event);
        case EventKind::kDevice:
            device_ = event.device;
            return;
        case EventKind::kMark:
            return apply_mark(event);
        case EventKind::kDraft:
            return apply_draft(event.draft);
        case EventKind::kProbe:
            return apply_probe(event);
        case EventKind::kKernels:
            return apply_kernels(event.kernels);
        case EventKind::kGpu:
            return apply_gpu(event);
        case EventKind::kCount:
            return;
    }
}

void Store::note_dropped(uint64_t events) {
    if (events == 0) return;
    events_dropped_ += events;
    dropped_ns_ = std::max(dropped_ns_, now_ns_);
    incomplete_ = true;
    pending_members_.clear();
    pending_drafts_.clear();
    pending_kernels_.reset();
    staging_ = {};
}

void Store::clear(StoreLimits limits) {
    const uint64_t version = blocks_version_ + 1, generation = generation_ + 1;
    *this = Store(limits);
    blocks_version_ = version;
    generation_ = generation;
    incomplete_ = history_cut_ = true;
}

// ------------------------------------------------------------------------------------------------ texts

void Store::apply_dictionary(const DictionaryEvent& e) {
    if (e.length > DictionaryEvent::kPieceBytes || e.total_bytes > kMaxTextBytes) return;
    std::string& text = texts_[text_key(e.dictionary, e.id)];
    if (e.offset == 0) {
        // The first piece, perhaps of a text told again.
        if (!text.empty()) rows_bytes_ -= text_bytes(text);
        text.clear();
    } else if (e.offset != text.size()) {
        return;  // a piece before it was dropped
    } else {
        rows_bytes_ -= text_bytes(text);
    }
    text.append(e.bytes, e.length);
    if (!text.empty()) rows_bytes_ += text_bytes(text);
    if (e.dictionary != DictionaryKind::kSession || text.size() != e.total_bytes) {
        if (e.dictionary == DictionaryKind::kError && text.size() == e.total_bytes) {
            const auto row = requests_.find(RequestId{e.id});
            if (row != requests_.end()) row->second.error = text;
        }
        return;
    }
    const size_t equals = std::min(text.find('='), text.size());
    session_[text.substr(0, equals)] = equals < text.size() ? text.substr(equals + 1) : std::string();
}

std::string_view Store::text(DictionaryKind kind, uint32_t id) const {
    const auto found = texts_.find(text_key(kind, id));
    return found == texts_.end() ? std::string_view() : std::string_view(found->second);
}

std::string_view Store::session(std::string_view key) const {
    const auto found = session_.find(key);
    return found == session_.end() ? std::string_view() : std::string_view(found->second);
}

void Store::forget_text(DictionaryKind kind, RequestId id) {
    const auto found = texts_.find(text_key(kind, raw(id)));
    if (found == texts_.end()) return;
    if (!found->second.empty()) rows_bytes_ -= text_bytes(found->second);
    texts_.erase(found);
}

std::string Store::output_text(RequestId id) const {
    const RequestRow* row = find_request(id);
    return row == nullptr ? std::string() : output_text(row->tokens);
}

std::string Store::output_text(std::span<const RequestRow::Token> tokens) const {
    std::string text;
    for (const RequestRow::Token& token : tokens)
        text += this->text(DictionaryKind::kToken, static_cast<uint32_t>(token.id));
    text.resize(whole_utf8_bytes(text));
    return text;
}

// ------------------------------------------------------------------------------------------------ steps, knobs, marks

void Store::apply_member(const StepMemberEvent& e) {
    if (!pending_members_.empty() && pending_step_ != e.step_id) pending_members_.clear();
    pending_step_ = e.step_id;
    pending_members_.push_back({e.request, e.work, e.tokens, e.first_position, e.blocks});
    if (const auto row = requests_.find(e.request); row != requests_.end()) row->second.blocks = e.blocks;
}

void Store::apply_draft(const DraftEvent& e) {
    if (e.method == DraftMethod::kNone || e.method >= DraftMethod::kCount) return;
    if (pending_drafts_step_ != e.step_id) pending_drafts_.clear();
    pending_drafts_step_ = e.step_id;
    constexpr uint32_t kMost = std::numeric_limits<uint16_t>::max();
    const auto drafted = static_cast<uint16_t>(std::min(e.drafted, kMost));
    const auto accepted = static_cast<uint16_t>(std::min<uint32_t>(e.accepted, drafted));
    pending_drafts_.push_back({e.request, e.method, drafted, accepted, e.draft_ns});
}

void Store::apply_probe(const Event& event) {
    if (event.probe.dtype >= KvDtype::kCount || event.probe.reference >= KvDtype::kCount) return;
    probes_.push_back({event.t_ns, event.probe});
    if (probes_.size() <= kMaxProbes) return;
    probes_begin_ns_ = std::max(probes_begin_ns_, probes_.front().t_ns + 1);
    probes_.pop_front();
}

void Store::apply_kernels(const KernelsEvent& e) { pending_kernels_ = e; }

void Store::apply_gpu(const Event& event) {
    gpu_samples_.push_back({event.t_ns, event.gpu});
    if (gpu_samples_.size() > kMaxGpuSamples) gpu_samples_.pop_front();
}

void Store::apply_step(const Event& event) {
    const StepEvent& step = event.step;
    now_ns_ = std::max(now_ns_, event.t_ns + step.duration_ns);
    StepRow row{event.t_ns, step, {}, {}, {}, bytes_per_block_};
    if (pending_step_ == step.step_id) row.members = pending_members_;
    if (pending_drafts_step_ == step.step_id) row.drafts = pending_drafts_;
    if (pending_kernels_ && pending_kernels_->step_id == step.step_id) row.kernels = pending_kernels_->kinds;
    pending_members_.clear();
    pending_drafts_.clear();
    pending_kernels_.reset();
    eviction_open_ = false;
    rows_bytes_ += step_bytes(row);
    steps_.push_back(std::move(row));
    const uint64_t pool = uint64_t{step.blocks_held} + step.blocks_cached + step.blocks_free;
    if (pool != blocks_.size()) resize_blocks(pool);
}

const StepRow* Store::find_step(StepId id) const {
    const auto found =
        std::lower_bound(steps_.begin(), steps_.end(), raw(id),
                         [](const StepRow& row, uint64_t step) { return row.step.step_id < step; });
    return found != steps_.end() && found->step.step_id == raw(id) ? &*found : nullptr;
}

const KnobState& Store::knob(uint16_t knob) const {
    static constexpr KnobState kUnknown{};
    return knob < knobs_.size() ? knobs_[knob] : kUnknown;
}

double Store::knob_value(std::string_view name, double otherwise) const {
    for (uint32_t id = 0; id < knobs_.size(); ++id)
        if (knobs_[id].known && text(DictionaryKind::kKnobName, id) == name)
            return knobs_[id].last.effective_value;
    return otherwise;
}

void Store::apply_knob(const Event& event) {
    const KnobEvent& e = event.knob;
    if (e.knob >= kMaxKnobs) return;
    if (e.knob >= knobs_.size()) knobs_.resize(e.knob + 1u);
    KnobState& state = knobs_[e.knob];
    state.last = e;
    state.known = true;
    if (e.origin == KnobOrigin::kStart) return;
    ++state.changes;
    knob_changes_.push_back({++knob_changes_seen_, event.t_ns, e});
    folded_.split(event.t_ns);  // ranges begin and end here
    if (knob_changes_.size() > kMaxKnobChanges)
        knob_changes_.erase(knob_changes_.begin(), knob_changes_.begin() + kMaxKnobChanges / 4);
}

void Store::apply_mark(const Event& event) {
    const MarkEvent& e = event.mark;
    if (e.mark == MarkKind::kReplayJump) return clear();
    if (e.mark == MarkKind::kPaused) paused_ = true;
    if (e.mark == MarkKind::kResumed) paused_ = false;
    if (e.mark == MarkKind::kGap && e.value > 0) note_dropped(static_cast<uint64_t>(e.value));
    marks_.push_back({event.t_ns, e.mark, e.value});
    if (marks_.size() > kMaxMarks) marks_.pop_front();
}

}  // namespace pitwall::telemetry
