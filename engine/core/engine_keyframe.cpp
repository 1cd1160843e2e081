// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

namespace {

constexpr uint32_t kIdleGrainMs = 1000;  ///< blocks whose idle times differ by less are alike

KeyframeBlockRun run_of(uint32_t id, const Block& block, KvDtype dtype, int64_t now_ns) {
    KeyframeBlockRun run{};
    run.first = BlockId{id};
    run.count = 1;
    run.owner = block.owner;
    run.owners = static_cast<uint16_t>(std::min<uint32_t>(block.references, UINT16_MAX));
    run.filled_tokens = block.filled_tokens;
    run.state = block.state;
    run.dtype = dtype;
    if (block.state != BlockState::kFree)
        run.idle_ms =
            static_cast<uint32_t>(std::clamp<int64_t>((now_ns - block.used_ns) / 1'000'000, 0, UINT32_MAX));
    return run;
}

bool alike(const KeyframeBlockRun& a, const KeyframeBlockRun& b) {
    const uint32_t apart = a.idle_ms > b.idle_ms ? a.idle_ms - b.idle_ms : b.idle_ms - a.idle_ms;
    return a.owner == b.owner && a.owners == b.owners && a.filled_tokens == b.filled_tokens &&
           a.state == b.state && apart < kIdleGrainMs;
}

KeyframeRequest request_part(const LiveRequest& r) {
    KeyframeRequest part{};
    part.request = r.id;
    part.state = r.state == SequenceState::kWaiting     ? RequestState::kWaiting
                 : r.state == SequenceState::kPreempted ? RequestState::kPreempted
                 : r.first_token_ns < 0                 ? RequestState::kPrefill
                                                        : RequestState::kDecode;
    part.request_class = r.request_class;
    part.arrival_ns = r.arrival_ns;
    part.admitted_ns = r.admitted_ns;
    part.first_token_ns = r.first_token_ns;
    part.last_token_ns = r.last_token_ns;
    part.prompt_tokens = r.prompt_tokens;
    part.cached_tokens = r.cached_tokens;
    part.output_tokens = r.answered_tokens;
    part.max_tokens = r.max_tokens;
    part.blocks = static_cast<uint32_t>(r.block_table.size());
    part.preemptions = r.preemptions;
    part.priority = r.priority;
    return part;
}

KeyframeEvent empty_part(KeyframePart kind) {
    KeyframeEvent part{};
    part.part = kind;
    return part;
}

}  // namespace

void Engine::Impl::publish_keyframe(bool with_dictionary) {
    stamp();
    publish_accounts();
    if (with_dictionary) publish_dictionary();
    const auto live_requests =
        std::count_if(requests_.begin(), requests_.end(), [](const auto& r) { return !r.second->ended(); });
    KeyframeEvent part = empty_part(KeyframePart::kBegin);
    part.begin = {++keyframes_, kv_.size(), kBlockTokens, static_cast<uint32_t>(live_requests),
                  static_cast<uint32_t>(executor_->bytes_per_block())};
    writer_.keyframe(part);
    publish_block_runs();
    for (const auto& [number, r] : requests_) {
        if (r->ended()) continue;
        part = empty_part(KeyframePart::kRequest);
        part.request = request_part(*r);
        writer_.keyframe(part);
    }
    for (const presets::KnobSpec& knob : presets::knob_table()) {
        part = empty_part(KeyframePart::kKnob);
        KnobBound bound = bounds_[static_cast<size_t>(knob.id)];
        if (bound == KnobBound::kDraining &&
            scheduler_.running().size() <= scheduler_.settings().max_num_seqs)
            bound = KnobBound::kNone;
        part.knob = {
            static_cast<uint16_t>(knob.id), static_cast<ValueKind>(knob.type), bound, 0, asked_.get(knob.id),
            effective_.get(knob.id)};
        writer_.keyframe(part);
    }
    part = empty_part(KeyframePart::kCounters);
    counters_.steps = steps_;
    counters_.evictions = kv_.evictions();
    counters_.events = writer_.published();
    part.counters = counters_;
    writer_.keyframe(part);
    writer_.keyframe(empty_part(KeyframePart::kEnd));
}

void Engine::Impl::publish_block_runs() {
    KeyframeEvent part = empty_part(KeyframePart::kBlocks);
    const auto send = [&](const KeyframeBlockRun& run) {
        part.blocks.runs[part.blocks.used++] = run;
        if (part.blocks.used < KeyframeBlocks::kRuns) return;
        writer_.keyframe(part);
        part = empty_part(KeyframePart::kBlocks);
    };
    const BlockPool& pool = kv_.pool();
    KeyframeBlockRun run{};
    for (uint32_t id = 0; id < pool.size(); ++id) {
        const KeyframeBlockRun next =
            run_of(id, pool[BlockId{id}], executor_->kv_cache_dtype(), writer_.time_ns());
        if (run.count > 0 && alike(run, next)) {
            ++run.count;
            continue;
        }
        if (run.count > 0) send(run);
        run = next;
    }
    if (run.count > 0) send(run);
    if (part.blocks.used > 0) writer_.keyframe(part);
}

/// All that ids mean so far, for whoever was not there when it was said first.
void Engine::Impl::publish_dictionary() {
    for (const presets::KnobSpec& knob : presets::knob_table()) {
        const auto number = static_cast<uint32_t>(knob.id);
        writer_.text(DictionaryKind::kKnobName, number, knob.name);
        for (size_t choice = 0; choice < knob.choices.size(); ++choice)
            writer_.text(DictionaryKind::kKnobChoice, number << 8 | static_cast<uint32_t>(choice),
                         knob.choices[choice]);
    }
    publish_draft_model_lost();
    for (size_t number = 0; number < classes_.size(); ++number)
        writer_.text(DictionaryKind::kRequestClass, static_cast<uint32_t>(number), classes_[number]);
    if (!effective_.boolean(KnobId::kRecordText) || !tokenizer_) return;
    for (size_t token = 0; token < token_told_.size(); ++token)
        if (token_told_[token])
            writer_.text(DictionaryKind::kToken, static_cast<uint32_t>(token),
                         tokenizer_->token_bytes(static_cast<TokenId>(token)));
    for (const auto& [number, r] : requests_)
        if (!r->ended())
            writer_.text(DictionaryKind::kPrompt, number,
                         tokenizer_->decode(std::span(r->tokens).first(r->prompt_tokens)));
}

void Engine::Impl::publish_start() {
    stamp();
    publish_dictionary();
    for (const presets::KnobSpec& knob : presets::knob_table())
        publish_knob(knob.id, 0, asked_.get(knob.id), bounds_[static_cast<size_t>(knob.id)],
                     KnobOrigin::kStart, 0);
    publish_keyframe(false);
}

void Engine::Impl::publish_end() {
    collect_all();
    stamp();
    while (!requests_.empty())
        end_request(*requests_.begin()->second, FinishReason::kCancelled, "", "the session ended");
    writer_.mark(MarkKind::kSessionEnd, 0);
}

/// An estimate from above of what the next step may publish; what exceeds it after all is kept in order as well.
size_t Engine::Impl::next_step_events() const {
    const size_t members = scheduler_.running().size() + std::min<size_t>(scheduler_.waiting().size(), 256);
    const size_t budget_blocks =
        static_cast<size_t>(effective_.integer(KnobId::kMaxNumBatchedTokens)) / kBlockTokens * 3;
    const size_t drafts = scheduler_.running().size() * scheduler_.settings().num_speculative_tokens * 2;
    size_t events = 64 + members * 16 + drafts + budget_blocks + kv_.pool().held_count();
    const auto interval =
        static_cast<uint64_t>(std::max<int64_t>(1, effective_.integer(KnobId::kKeyframeIntervalSteps)));
    if ((steps_ + 1 + in_flight_.size()) % interval == 0)
        events += 64 + kv_.size() / KeyframeBlocks::kRuns + requests_.size() * 2;
    return events;
}

}  // namespace pitwall::engine
