// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/event_storm.h"

#include <algorithm>
#include <cstring>

namespace pitwall::telemetry::testing {

namespace {
constexpr uint32_t kBlockTokens = 16;
constexpr uint32_t kVocabulary = 200;
constexpr int64_t kMs = 1'000'000;
}  // namespace

EventStorm::EventStorm(const StormOptions& options, Sink sink)
    : options_(options), sink_(std::move(sink)), random_(options.seed), blocks_(options.num_blocks) {}

Event EventStorm::make(EventKind kind, int64_t t_ns) const {
    Event event;
    event.kind = kind;
    event.t_ns = t_ns;
    return event;
}

void EventStorm::text(DictionaryKind kind, uint32_t id, std::string_view text) {
    size_t offset = 0;
    do {
        Event event = make(EventKind::kDictionary, now_ns_);
        DictionaryEvent& piece = event.dictionary;
        piece.dictionary = kind;
        piece.id = id;
        piece.total_bytes = static_cast<uint32_t>(text.size());
        piece.offset = static_cast<uint32_t>(offset);
        piece.length = static_cast<uint8_t>(std::min(DictionaryEvent::kPieceBytes, text.size() - offset));
        std::memcpy(piece.bytes, text.data() + offset, piece.length);
        sink_(event);
        offset += piece.length;
    } while (offset < text.size());
}

void EventStorm::start() {
    fact("version=0.1");
    fact("model=storm");
    fact("seed=" + std::to_string(options_.seed));
    fact("note=" + std::string(200, 'x') + "=with an equals sign");
    const char* names[] = {"max_num_seqs", "enable_prefix_caching", "scheduling_policy", "ttft_slo_ms",
                           "tpot_slo_ms"};
    for (uint32_t i = 0; i < 5; ++i) text(DictionaryKind::kKnobName, i, names[i]);
    text(DictionaryKind::kKnobChoice, 2 << 8 | 0, "fcfs");
    text(DictionaryKind::kKnobChoice, 2 << 8 | 1, "priority");
    text(DictionaryKind::kRequestClass, 0, "chat");
    text(DictionaryKind::kRequestClass, 1, "document");
    for (uint32_t i = 0; i < kVocabulary; ++i)
        text(DictionaryKind::kToken, i, i % 7 == 0 ? "\xc3" : " w" + std::to_string(i));
    knobs_.assign(5, 0);
    knob(0, ValueKind::kInteger, KnobOrigin::kStart, options_.max_running);
    knob(1, ValueKind::kBoolean, KnobOrigin::kStart, 1);
    knob(2, ValueKind::kChoice, KnobOrigin::kStart, 0);
    knob(3, ValueKind::kReal, KnobOrigin::kStart, 120.5);
    knob(4, ValueKind::kReal, KnobOrigin::kStart, 12);
    keyframe();
}

void EventStorm::knob(uint16_t id, ValueKind kind, KnobOrigin origin, double value) {
    Event event = make(EventKind::kKnob, now_ns_);
    KnobEvent& e = event.knob;
    e.knob = id;
    e.value_kind = kind;
    e.origin = origin;
    e.old_value = origin == KnobOrigin::kStart ? value : knobs_[id];
    e.asked_value = e.effective_value = value;
    e.step_id = steps_;
    knobs_[id] = value;
    sink_(event);
}

void EventStorm::mark(MarkKind kind, int64_t value) {
    Event event = make(EventKind::kMark, now_ns_);
    event.mark.mark = kind;
    event.mark.value = value;
    sink_(event);
}

void EventStorm::phase(Request& r, RequestPhase phase, int64_t t_ns, TokenId token) {
    Event event = make(EventKind::kRequest, t_ns);
    event.request = r.facts;
    event.request.phase = phase;
    event.request.token = token;
    event.request.blocks = static_cast<uint32_t>(r.table.size());
    event.request.step_id = steps_;
    sink_(event);
}

void EventStorm::book(Request& r, Cause cause, int64_t until_ns) {
    if (until_ns <= r.booked_ns) return;
    Event event = make(EventKind::kCause, r.booked_ns);
    event.cause.request = r.facts.request;
    event.cause.cause = cause;
    event.cause.duration_ns = until_ns - r.booked_ns;
    event.cause.step_id = steps_;
    r.booked_ns = until_ns;
    sink_(event);
}

void EventStorm::arrive() {
    const RequestId id{next_request_++};
    text(DictionaryKind::kPrompt, raw(id), std::string(1 + draw(300), static_cast<char>('a' + draw(26))));
    Request& r = requests_[id];
    r.facts.request = id;
    r.facts.request_class = static_cast<uint16_t>(draw(2));
    r.facts.arrival_ns = std::max<int64_t>(0, now_ns_ - draw(3 * kMs));
    r.facts.prompt_tokens = 1 + draw(100);
    r.facts.max_tokens = 1 + draw(options_.most_output_tokens);
    r.facts.priority = static_cast<int32_t>(draw(3)) - 1;
    r.target = 1 + draw(r.facts.max_tokens);
    r.booked_ns = r.facts.arrival_ns;
    ++counters_.requests;
    counters_.prompt_tokens += r.facts.prompt_tokens;
    phase(r, RequestPhase::kArrived, now_ns_);
    book(r, Cause::kDelivery, now_ns_);
    if (chance(0.05))
        return end_request(id, RequestPhase::kRejected, FinishReason::kRejected, "too long for the pool");
    r.admitted_ns = now_ns_;
    phase(r, RequestPhase::kAdmitted, now_ns_);
}

void EventStorm::end_request(RequestId id, RequestPhase how, FinishReason reason, std::string_view error) {
    Request& r = requests_.at(id);
    if (!error.empty()) text(DictionaryKind::kError, raw(id), error);
    book(r, r.state == State::kRunning ? Cause::kNotInStep : Cause::kWaitCapacity, now_ns_);
    release_blocks(r, chance(0.5));
    r.facts.reason = reason;
    counters_.finished += how == RequestPhase::kFinished;
    phase(r, how, now_ns_);
    requests_.erase(id);
}

void EventStorm::block_event(BlockId id, RequestId request, BlockPhase phase, uint32_t index) {
    const Block& block = blocks_[raw(id)];
    Event event = make(EventKind::kBlock, now_ns_);
    BlockEvent& e = event.block;
    e.block = id;
    e.request = request;
    e.phase = phase;
    e.state = block.state;
    e.dtype = KvDtype::kF16;
    e.owners = block.state == BlockState::kHeld ? 1 : 0;
    e.filled_tokens = block.filled;
    e.table_index = index;
    e.source = kNoBlock;
    sink_(event);
}

bool EventStorm::give_blocks(Request& r, uint32_t tokens) {
    while (r.table.size() * kBlockTokens < tokens) {
        auto found = std::find_if(blocks_.begin(), blocks_.end(),
                                  [](const Block& b) { return b.state == BlockState::kFree; });
        if (found == blocks_.end()) {
            found = std::find_if(blocks_.begin(), blocks_.end(),
                                 [](const Block& b) { return b.state == BlockState::kCached; });
            if (found == blocks_.end()) return false;
            *found = {};
            ++counters_.evictions;
            block_event(BlockId{static_cast<uint32_t>(found - blocks_.begin())}, kNoRequest,
                        BlockPhase::kEvicted, 0);
        }
        *found = {BlockState::kHeld, r.facts.request, 0};
        const BlockId id{static_cast<uint32_t>(found - blocks_.begin())};
        r.table.push_back(id);
        block_event(id, r.facts.request, BlockPhase::kAllocated, static_cast<uint32_t>(r.table.size() - 1));
    }
    return true;
}

void EventStorm::release_blocks(Request& r, bool keep_cached) {
    while (!r.table.empty()) {
        const BlockId id = r.table.back();
        Block& block = blocks_[raw(id)];
        const bool cached = keep_cached && block.filled == kBlockTokens;
        block.state = cached ? BlockState::kCached : BlockState::kFree;
        if (!cached) block = {};
        r.table.pop_back();
        block_event(id, r.facts.request, BlockPhase::kReleased, static_cast<uint32_t>(r.table.size()));
    }
}

void EventStorm::preempt(Request& r) {
    release_blocks(r, true);
    r.state = State::kPreempted;
    r.computed = 0;
    ++r.preemptions;
    ++counters_.preemptions;
    phase(r, RequestPhase::kPreempted, now_ns_);
}

void EventStorm::pause() {
    mark(MarkKind::kPaused, 0);
    const int64_t until = now_ns_ + (1 + draw(20)) * kMs;
    for (auto& [id, r] : requests_)
        book(r, r.state == State::kRunning ? Cause::kNotInStep : Cause::kWaitCapacity, now_ns_);
    for (auto& [id, r] : requests_) book(r, Cause::kPaused, until);
    now_ns_ = until;
    mark(MarkKind::kResumed, 0);
}

void EventStorm::plan(std::map<RequestId, Work>& work) {
    uint32_t running = 0;
    for (auto& [id, r] : requests_) running += r.state == State::kRunning;
    for (auto& [id, r] : requests_) {
        if (r.state != State::kRunning && running >= options_.max_running) continue;
        const uint32_t wanted = r.facts.prompt_tokens + r.facts.output_tokens;
        const uint32_t left = wanted > r.computed ? wanted - r.computed : 1;
        const uint32_t tokens = left > 1 ? 1 + draw(left) : 1;
        if (!give_blocks(r, r.computed + tokens)) {
            if (r.state == State::kRunning) preempt(r), --running;
            continue;
        }
        running += r.state != State::kRunning;
        if (!r.scheduled) {
            r.facts.cached_tokens = 0;
            if (chance(0.3) && r.facts.prompt_tokens > kBlockTokens) r.facts.cached_tokens = kBlockTokens;
            r.facts.miss = r.facts.cached_tokens > 0 ? MissReason::kNone : MissReason::kCold;
            cached_this_step_ += r.facts.cached_tokens;
            counters_.cached_tokens += r.facts.cached_tokens;
            r.scheduled = true;
            phase(r, RequestPhase::kScheduled, now_ns_);
        } else if (r.state == State::kPreempted) {
            phase(r, RequestPhase::kResumed, now_ns_);
        }
        r.state = State::kRunning;
        const bool decode = left == 1 && r.facts.output_tokens > 0;
        work[id] = {decode              ? WorkKind::kDecode
                    : r.preemptions > 0 ? WorkKind::kRecompute
                                        : WorkKind::kPrefill,
                    tokens, r.computed};
    }
}

/// Now and then, and to no avail: a decode verified drafts.
uint32_t EventStorm::drafts_of(RequestId request, const Work& work) const {
    if (work.kind != WorkKind::kDecode || (steps_ + raw(request)) % 4 != 0) return 0;
    return 1 + static_cast<uint32_t>(steps_ % 3);
}

void EventStorm::commit(Request& r, const Work& work, int64_t end_ns) {
    r.computed += work.tokens;
    for (uint32_t i = work.first / kBlockTokens; i < r.table.size(); ++i) {
        Block& block = blocks_[raw(r.table[i])];
        const auto filled = static_cast<uint16_t>(
            std::min(kBlockTokens, r.computed - std::min(r.computed, i * kBlockTokens)));
        if (filled == block.filled) continue;
        block.filled = filled;
        block_event(r.table[i], r.facts.request, BlockPhase::kFilled, i);
    }
    if (r.computed < r.facts.prompt_tokens + r.facts.output_tokens) return;
    ++r.facts.output_tokens;
    ++counters_.output_tokens;
    const bool first = r.first_token_ns < 0;
    if (first) r.first_token_ns = end_ns;
    r.last_token_ns = end_ns;
    const uint32_t drafts = drafts_of(r.facts.request, work);
    r.facts.origin = drafts > 0 ? TokenOrigin::kCorrected : TokenOrigin::kPlain;
    phase(r, first ? RequestPhase::kFirstToken : RequestPhase::kToken, end_ns,
          static_cast<TokenId>(draw(kVocabulary)));
    r.facts.origin = TokenOrigin::kPlain;
    if (drafts == 0) return;
    counters_.drafted_tokens += drafts;
    Event event = make(EventKind::kDraft, end_ns);
    event.draft = {steps_, r.facts.request, DraftMethod::kSuffix, {}, drafts, 0, 4, 0, 900};
    sink_(event);
    if (steps_ % 3 == 0) probe(r, end_ns);
}

void EventStorm::probe(const Request& r, int64_t end_ns) {
    Event event = make(EventKind::kProbe, end_ns);
    event.probe = {r.facts.request, KvDtype::kInt8, KvDtype::kF16, 0, 0, 32, 7, 1, 0.5 / 512, 0.25, 90'000};
    sink_(event);
}

/// Of a step that was timed, as a GPU times one in so many.
void EventStorm::kernels(int64_t begin_ns, int64_t execute_ns) {
    Event event = make(EventKind::kKernels, begin_ns);
    event.kernels = {steps_,
                     {{{execute_ns / 2, 3e9, 8e7},
                       {execute_ns / 8, 2e8, 9e6},
                       {execute_ns / 16, 1e8, 3e7},
                       {1200, 0, 4e5}}}};
    sink_(event);
}

void EventStorm::gpu() {
    Event event = make(EventKind::kGpu, now_ns_);
    event.gpu = {.memory_used_bytes = int64_t{90} << 30,
                 .memory_total_bytes = int64_t{141} << 30,
                 .busy_percent = static_cast<int32_t>(draw(101)),
                 .memory_busy_percent = static_cast<int32_t>(draw(101)),
                 .power_mw = static_cast<int32_t>(draw(700'000)),
                 .power_limit_mw = 700'000,
                 .clock_mhz = 1755,
                 .max_clock_mhz = 1980,
                 .memory_clock_mhz = -1,
                 .temperature_c = 54,
                 .throttle_reasons = chance(0.5) ? 4 : 0,
                 .pcie_sent_bytes_s = -1,
                 .pcie_received_bytes_s = 12 << 20};
    sink_(event);
}

StepEvent EventStorm::step_event(const std::map<RequestId, Work>& work) const {
    StepEvent step{};
    step.step_id = steps_;
    for (const auto& [id, w] : work) {
        if (w.kind == WorkKind::kPrefill) step.prefill_tokens += w.tokens;
        if (w.kind == WorkKind::kRecompute) step.recompute_tokens += w.tokens;
        if (w.kind == WorkKind::kDecode) step.decode_tokens += w.tokens;
        step.draft_tokens += drafts_of(id, w);
    }
    step.cached_tokens = cached_this_step_;
    step.budget_tokens = 512;
    for (const auto& [id, r] : requests_) r.state == State::kRunning ? ++step.running : ++step.waiting;
    for (const Block& block : blocks_) {
        step.blocks_held += block.state == BlockState::kHeld;
        step.blocks_cached += block.state == BlockState::kCached;
        step.blocks_free += block.state == BlockState::kFree;
        if (block.state == BlockState::kHeld) step.slots_filled += block.filled;
    }
    step.flops = 1e9f * static_cast<float>(work.size());
    step.bytes = 1.5e8;
    return step;
}

void EventStorm::run_step(const std::map<RequestId, Work>& work) {
    const int64_t begin = now_ns_, planned = begin + 1000 + draw(50'000),
                  executed = planned + kMs + draw(8 * kMs);
    const int64_t sampled = executed + draw(90'000), committed = sampled + draw(30'000);
    now_ns_ = committed;
    for (const auto& [id, w] : work) {
        Event event = make(EventKind::kStepMember, begin);
        event.member = {
            steps_, id, w.kind, {}, w.tokens, w.first, static_cast<uint32_t>(requests_.at(id).table.size())};
        sink_(event);
        if (const uint32_t drafts = drafts_of(id, w); drafts > 0) {
            event = make(EventKind::kStepMember, begin);
            event.member = {steps_, id, WorkKind::kDraft, {}, drafts, w.first + w.tokens, 0};
            sink_(event);
        }
    }
    for (auto& [id, r] : requests_) {
        const auto mine = work.find(id);
        if (mine == work.end()) {
            book(r, r.state == State::kPreempted ? Cause::kPreempted : Cause::kWaitCapacity, committed);
            continue;
        }
        book(r, Cause::kWaitPolicy, begin);
        book(r, Cause::kScheduling, planned);
        book(r, mine->second.kind == WorkKind::kDecode ? Cause::kDecode : Cause::kPrefillOwn, executed);
        book(r, Cause::kSampling, sampled);
        book(r, Cause::kScheduling, committed);
        commit(r, mine->second, committed);
    }
    if (steps_ % 4 == 1) kernels(begin, executed - planned);
    Event event = make(EventKind::kStep, begin);
    event.step = step_event(work);
    event.step.duration_ns = committed - begin;
    event.step.plan_ns = static_cast<uint32_t>(planned - begin);
    event.step.execute_ns = executed - planned;
    event.step.sample_ns = static_cast<uint32_t>(sampled - executed);
    event.step.commit_ns = static_cast<uint32_t>(committed - sampled);
    sink_(event);
    ++steps_;
    ++counters_.steps;
    cached_this_step_ = 0;
}

void EventStorm::step() {
    if (chance(0.02)) pause();
    if (chance(0.05)) now_ns_ += draw(5 * kMs);
    const auto arrivals = std::poisson_distribution<int>(options_.arrivals_per_step)(random_);
    for (int i = 0; i < arrivals; ++i) arrive();
    if (chance(0.03)) knob(0, ValueKind::kInteger, KnobOrigin::kUser, options_.max_running = 1 + draw(8));
    if (chance(0.02)) knob(2, ValueKind::kChoice, KnobOrigin::kScript, draw(2));
    if (chance(0.01)) knob(1, ValueKind::kBoolean, KnobOrigin::kPreset, draw(2));
    std::map<RequestId, Work> work;
    plan(work);
    if (!work.empty()) run_step(work);
    std::vector<RequestId> done, cancelled, late;
    for (auto& [id, r] : requests_) {
        if (r.facts.output_tokens >= r.target)
            done.push_back(id);
        else if (options_.cancels && chance(0.003))
            cancelled.push_back(id);
        else if (options_.cancels && chance(0.001))
            late.push_back(id);
    }
    for (const RequestId id : done) {
        const bool at_limit = requests_.at(id).facts.output_tokens == requests_.at(id).facts.max_tokens;
        end_request(id, RequestPhase::kFinished, at_limit ? FinishReason::kLength : FinishReason::kStop, "");
    }
    for (const RequestId id : cancelled)
        end_request(id, RequestPhase::kCancelled, FinishReason::kCancelled, "");
    for (const RequestId id : late)
        end_request(id, RequestPhase::kTimedOut, FinishReason::kTimeout, "took too long");
    if (steps_ % options_.keyframe_interval_steps == 0) keyframe();
    if (chance(0.05)) gpu();
    if (chance(0.05)) {
        Event event = make(EventKind::kDevice, now_ns_);
        event.device = {.resident_bytes = 100u << 20,
                        .kv_bytes = 10u << 20,
                        .weight_bytes = 80u << 20,
                        .activation_bytes = 3u << 20,
                        .draft_bytes = chance(0.5) ? 5u << 20 : 0,
                        .cpu_ns = now_ns_ / 2,
                        .threads = 2,
                        .reserved = 0};
        sink_(event);
    }
}

void EventStorm::end() {
    while (!requests_.empty())
        end_request(requests_.begin()->first, RequestPhase::kCancelled, FinishReason::kCancelled, "");
    mark(MarkKind::kSessionEnd, 0);
}

std::vector<Event> storm_session(const StormOptions& options, size_t steps) {
    std::vector<Event> events;
    EventStorm storm(options, [&](Event& event) {
        event.seq = events.size() + 1;
        events.push_back(event);
    });
    storm.start();
    for (size_t i = 0; i < steps; ++i) storm.step();
    storm.end();
    return events;
}

}  // namespace pitwall::telemetry::testing
