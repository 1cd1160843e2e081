// SPDX-License-Identifier: GPL-3.0-or-later
//
// The second half of a step: collect the results, hand tokens out, commit, publish.
#include <fmt/format.h>

#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

namespace {

/// A slice's tokens by kind: what was computed before, what else of the prompt, the rest; and drafts, which come last.
struct KindCounts {
    uint32_t recompute = 0, prefill = 0, decode = 0;
};

KindCounts count_kinds(const LiveRequest& r, const ScheduledSlice& slice) {
    const uint32_t first = slice.first_position, end = first + slice.tokens - slice.drafts;
    KindCounts counts;
    counts.recompute = std::min(end, std::max(first, r.high_water)) - first;
    const uint32_t fresh = first + counts.recompute;
    counts.prefill = std::min(end, std::max(fresh, r.prompt_tokens)) - fresh;
    counts.decode = end - fresh - counts.prefill;
    return counts;
}

}  // namespace

void Engine::Impl::collect_step() {
    InFlight step = std::move(in_flight_.front());
    in_flight_.pop_front();
    const StepResult result = executor_->collect(step.ticket);
    const int64_t done_ns = stamp();
    writer_.set_step(step.event.step_id);
    const bool computed = result.status.ok();
    const std::vector<Ending> endings = computed ? hand_out(step, result.sampled) : std::vector<Ending>();
    const int64_t handed_out_ns = clock_.now_ns();
    const StepPhases phases = phases_of(step, result, done_ns);
    book_step(step, phases);
    if (computed) book_delivery(step, endings, handed_out_ns);
    commit_slices(step, computed);
    publish_drafts(step);
    end_members(step, endings, result.status);
    publish_step(step, result, phases);
    learn_from(step, phases);
    ++steps_;
    if (in_flight_.empty() && executor_->status().ok()) shrink_further();
    if (steps_ %
            static_cast<uint64_t>(std::max<int64_t>(1, effective_.integer(KnobId::kKeyframeIntervalSteps))) ==
        0)
        publish_keyframe(false);
    else if (wait_log_.size() > 4096)
        publish_accounts();
}

StepPhases Engine::Impl::phases_of(const InFlight& step, const StepResult& result, int64_t done_ns) {
    auto phases =
        StepPhases::backwards(step.start_ns, done_ns, result.copy_ns, result.execute_ns, result.sample_ns);
    phases.draft_begin_ns = step.draft_begin_ns;
    phases.draft_end_ns = step.draft_end_ns;
    for (const ScheduledSlice& slice : step.slices) {
        const KindCounts kinds = count_kinds(live(*slice.sequence), slice);
        phases.prefill_tokens += kinds.prefill + kinds.recompute;
        phases.tokens += slice.tokens;
        phases.rejected_tokens += slice.drafts - slice.accepted;
    }
    return phases;
}

void Engine::Impl::book_step(const InFlight& step, const StepPhases& phases) {
    const uint64_t step_id = step.event.step_id;
    for (const ScheduledSlice& slice : step.slices) {
        LiveRequest& r = live(*slice.sequence);
        if (r.ended()) continue;
        r.booked_step = step_id;
        if (r.recovering())
            r.timeline.book(Cause::kPreempted, phases.end_ns, step_id, writer_);
        else
            phases.book_member(r.timeline, count_kinds(r, slice).prefill, step_id, writer_);
    }
    for (Sequence* s : scheduler_.running()) {
        LiveRequest& r = live(*s);
        if (r.booked_step == step_id) continue;
        book_standing(r, phases.start_ns);
        r.timeline.book(r.recovering() ? Cause::kPreempted : Cause::kNotInStep, phases.end_ns, step_id,
                        writer_);
    }
}

/// Tokens go to their listeners first: nobody waits for the books. The time this takes is delivery.
std::vector<Engine::Impl::Ending> Engine::Impl::hand_out(InFlight& step, std::span<const TokenId> sampled) {
    std::vector<Ending> endings;
    for (ScheduledSlice& slice : step.slices) {
        LiveRequest& r = live(*slice.sequence);
        const std::span<const TokenId> own = sampled.first(slice.samples);
        sampled = sampled.subspan(slice.samples);
        if (r.ended() || own.empty()) continue;
        Ending ending = accept_sampled(r, slice, own);
        if (ending.reason != FinishReason::kNone) endings.push_back(std::move(ending));
    }
    return endings;
}

void Engine::Impl::book_delivery(const InFlight& step, const std::vector<Ending>& endings,
                                 int64_t handed_out_ns) {
    // Who ends here ended when its last token came.
    for (const Ending& ending : endings) ending.request->booked_step = step.event.step_id + 1;
    for (const ScheduledSlice& slice : step.slices) {
        LiveRequest& r = live(*slice.sequence);
        if (r.ended() || r.booked_step != step.event.step_id || slice.samples == 0) continue;
        r.timeline.book(Cause::kDelivery, handed_out_ns, step.event.step_id, writer_);
    }
}

/// A draft holds while the sampler picks the same. Its first other pick is as good as any: all before it was as it would
/// have been.
Engine::Impl::Ending Engine::Impl::accept_sampled(LiveRequest& r, ScheduledSlice& slice,
                                                  std::span<const TokenId> sampled) {
    const uint32_t first = slice.first_position + slice.tokens - slice.drafts;
    const auto drafts = std::span<const TokenId>(r.tokens).subspan(first, slice.drafts);
    const auto agreed = static_cast<uint32_t>(std::ranges::mismatch(drafts, sampled).in1 - drafts.begin());
    Ending ending{&r, FinishReason::kNone, ""};
    uint32_t kept = 0;
    while (kept <= agreed && ending.reason == FinishReason::kNone) {
        const TokenOrigin origin = slice.drafts == 0        ? TokenOrigin::kPlain
                                   : kept < agreed          ? TokenOrigin::kAccepted
                                   : agreed == slice.drafts ? TokenOrigin::kBonus
                                                            : TokenOrigin::kCorrected;
        ending = accept_token(r, first + kept, sampled[kept], origin);
        ++kept;
    }
    slice.accepted = std::min(kept, agreed);
    slice.rejected = slice.drafts + 1 - kept;
    return ending;
}

Engine::Impl::Ending Engine::Impl::accept_token(LiveRequest& r, uint32_t position, TokenId token,
                                                TokenOrigin origin) {
    r.tokens[position] = token;
    ++r.answered_tokens;
    ++counters_.output_tokens;
    const bool first = r.first_token_ns < 0;
    if (first) r.first_token_ns = writer_.time_ns();
    r.last_token_ns = writer_.time_ns();

    const bool record_text = effective_.boolean(KnobId::kRecordText);
    Ending ending{&r, FinishReason::kNone, ""};
    StreamDecoder::Piece piece;
    if (tokenizer_) {
        const bool end = tokenizer_->is_end(token);
        if (end) ending.reason = FinishReason::kStop;
        if (!end) piece = r.decoder->push(tokenizer_->token_bytes(token));
        if (piece.stopped) ending.reason = FinishReason::kStop;
        if (end) ending.tail = r.decoder->finish();
        if (record_text && !token_told_[static_cast<size_t>(token)]) {
            token_told_[static_cast<size_t>(token)] = true;
            writer_.text(DictionaryKind::kToken, static_cast<uint32_t>(token),
                         tokenizer_->token_bytes(token));
        }
    }
    if (ending.reason == FinishReason::kNone && r.answered_tokens >= r.max_tokens)
        ending.reason = FinishReason::kLength;
    writer_.request(r, first ? RequestPhase::kFirstToken : RequestPhase::kToken, FinishReason::kNone,
                    record_text ? token : -1, origin);
    if (r.listener) r.listener->on_token(r.id, token, piece.text);
    return ending;
}

void Engine::Impl::commit_slices(InFlight& step, bool computed) {
    for (const ScheduledSlice& slice : step.slices) {
        LiveRequest& r = live(*slice.sequence);
        const KindCounts kinds = count_kinds(r, slice);
        step.event.prefill_tokens += kinds.prefill;
        step.event.recompute_tokens += kinds.recompute;
        step.event.decode_tokens += kinds.decode;
        step.event.draft_tokens += slice.drafts;
        writer_.member(step.event.step_id, r, WorkKind::kRecompute, slice.first_position, kinds.recompute);
        writer_.member(step.event.step_id, r, WorkKind::kPrefill, slice.first_position + kinds.recompute,
                       kinds.prefill);
        const uint32_t first_draft = slice.first_position + slice.tokens - slice.drafts;
        writer_.member(step.event.step_id, r, WorkKind::kDecode, first_draft - kinds.decode, kinds.decode);
        writer_.member(step.event.step_id, r, WorkKind::kDraft, first_draft, slice.drafts);
        if (computed && !r.ended()) scheduler_.commit(slice);
        scheduler_.end_step(slice);
    }
}

void Engine::Impl::end_members(const InFlight& step, const std::vector<Ending>& endings,
                               const Status& status) {
    for (const Ending& ending : endings) end_request(*ending.request, ending.reason, ending.tail, "");
    for (const ScheduledSlice& slice : step.slices) {
        if (status.ok()) break;
        LiveRequest& r = live(*slice.sequence);
        if (!r.ended()) end_request(r, FinishReason::kFailed, "", status.error().text());
    }
    // Those that ended before, with this plan still in flight, give up their blocks now.
    std::erase_if(zombies_, [&](Sequence* zombie) {
        if (zombie->plans_in_flight > 0) return false;
        scheduler_.release(*zombie);
        requests_.erase(raw(zombie->id));
        return true;
    });
}

void Engine::Impl::publish_step(InFlight& step, const StepResult& result, const StepPhases& phases) {
    StepEvent& e = step.event;
    const BlockPool& pool = kv_.pool();
    e.execute_ns = phases.sample_ns - phases.execute_ns;
    e.sample_ns = static_cast<uint32_t>(std::min<int64_t>(phases.end_ns - phases.sample_ns, UINT32_MAX));
    e.running = static_cast<uint32_t>(scheduler_.running().size());
    e.waiting = static_cast<uint32_t>(scheduler_.waiting().size());
    e.blocks_held = pool.held_count();
    e.blocks_cached = pool.cached_count();
    e.blocks_free = pool.free_count();
    e.slots_filled = static_cast<uint32_t>(kv_.slots_filled());
    e.flops = static_cast<float>(result.flops);
    e.bytes = result.bytes;
    const int64_t now_ns = clock_.now_ns();
    e.commit_ns = static_cast<uint32_t>(std::clamp<int64_t>(now_ns - phases.end_ns, 0, UINT32_MAX));
    e.duration_ns = now_ns - step.start_ns;
    const auto timed = [](const KernelWork& work) { return work.ns > 0; };
    if (std::ranges::any_of(result.kernels, timed)) writer_.kernels({e.step_id, result.kernels});
    writer_.step(step.start_ns, e);
}

}  // namespace pitwall::engine
