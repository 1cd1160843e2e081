// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

RequestId Engine::Impl::submit(GenerationRequest request, RequestListener* listener) {
    const int64_t now_ns = stamp();
    const RequestId id{++last_request_};
    auto owner = std::make_unique<LiveRequest>(id, std::min(request.arrival_ns, now_ns));
    LiveRequest& r = *owner;
    r.prompt_tokens = static_cast<uint32_t>(request.prompt.size());
    const auto context_left = static_cast<int64_t>(max_context_tokens_) - r.prompt_tokens;
    r.max_tokens =
        request.max_tokens > 0
            ? request.max_tokens
            : static_cast<uint32_t>(std::clamp<int64_t>(effective_.integer(KnobId::kDefaultMaxTokens), 1,
                                                        std::max<int64_t>(1, context_left)));
    r.min_tokens = std::min(request.min_tokens, r.max_tokens);
    r.ignore_eos = request.ignore_eos;
    r.priority = request.priority;
    r.sampling = request.sampling;
    r.request_class = class_number(request.request_class);
    r.listener = listener;
    ++counters_.requests;
    requests_.emplace(raw(id), std::move(owner));
    publish_prompt(r, request);
    writer_.request(r, RequestPhase::kArrived);
    r.timeline.book(Cause::kDelivery, now_ns, steps_submitted_, writer_);

    const std::string refusal = reason_to_reject(request, r);
    if (!refusal.empty()) {
        end_request(r, FinishReason::kRejected, "", refusal);
        return id;
    }
    if (!request.numeric_history.empty()) {
        r.replay = std::move(request.numeric_history);
        r.replays_history = true;
        r.hold_at = 0;  // until the first step
        replaying_ = &r;
    }
    r.tokens = std::move(request.prompt);
    r.tokens.reserve(size_t{r.prompt_tokens} + r.max_tokens);
    if (tokenizer_) {
        std::erase(request.stop, std::string());
        r.decoder.emplace(std::move(request.stop));
    }
    r.admitted_ns = now_ns;
    counters_.prompt_tokens += r.prompt_tokens;
    ++needs_[r.most_blocks()];
    set_deadline(r, request.timeout_ns);
    writer_.request(r, RequestPhase::kAdmitted);
    scheduler_.enqueue(r);
    return id;
}

std::string Engine::Impl::reason_to_reject(const GenerationRequest& request, const LiveRequest& r) const {
    if (!no_device_.empty()) return no_device_;
    if (request.prompt.empty()) return "the prompt has no tokens";
    const auto vocab = static_cast<TokenId>(executor_->vocab_size());
    const auto wrong = std::find_if(request.prompt.begin(), request.prompt.end(),
                                    [&](TokenId t) { return t < 0 || t >= vocab; });
    if (wrong != request.prompt.end())
        return fmt::format("token {} of the prompt is {}, the model has tokens 0 to {}",
                           wrong - request.prompt.begin(), *wrong, vocab - 1);
    const int64_t most_prompt = effective_.integer(KnobId::kMaxPromptTokens);
    if (most_prompt > 0 && r.prompt_tokens > most_prompt)
        return fmt::format("the prompt has {} tokens, max_prompt_tokens allows {}", r.prompt_tokens,
                           most_prompt);
    if (std::string never = reason_it_never_fits(r); !never.empty()) return never;
    if (replaying_ && !request.numeric_history.empty())
        return fmt::format("request {} replays its numeric history, and only one can at a time",
                           raw(replaying_->id));
    if (std::string why = reason_history_is_wrong(request.numeric_history); !why.empty())
        return "its numeric history " + why;
    const int64_t most_waiting = effective_.integer(KnobId::kMaxQueueLength);
    const size_t queue = scheduler_.waiting().size() - scheduler_.preempted().size();
    if (most_waiting > 0 && queue >= static_cast<size_t>(most_waiting))
        return fmt::format("{} requests wait already, max_queue_length allows {}", queue, most_waiting);
    return "";
}

std::string Engine::Impl::reason_it_never_fits(const LiveRequest& r) const {
    const uint64_t total = uint64_t{r.prompt_tokens} + r.max_tokens;
    if (total > max_context_tokens_)
        return fmt::format("{} prompt tokens and max_tokens {} make {}, the model's context is {} tokens",
                           r.prompt_tokens, r.max_tokens, total, max_context_tokens_);
    // A pool that is on its way down counts as what was asked for, or it would never get there.
    const uint64_t pool =
        std::min<uint64_t>(kv_.size(), static_cast<uint64_t>(asked_.integer(KnobId::kNumKvBlocks)));
    const uint64_t needed = (total - 1 + kBlockTokens - 1) / kBlockTokens;
    if (needed > pool)
        return fmt::format(
            "{} prompt tokens and max_tokens {} need {} KV blocks, num_kv_blocks is {}: raise num_kv_blocks "
            "or ask for less",
            r.prompt_tokens, r.max_tokens, needed, pool);
    return "";
}

void Engine::Impl::set_deadline(LiveRequest& r, int64_t timeout_ns) {
    if (timeout_ns <= 0) timeout_ns = effective_.integer(KnobId::kRequestTimeoutMs) * 1'000'000;
    if (timeout_ns <= 0) return;
    r.timeout_ns = timeout_ns;
    r.deadline_ns = unpaused_ns(r.arrival_ns) + timeout_ns;
    deadlines_.emplace(r.deadline_ns, raw(r.id));
}

uint16_t Engine::Impl::class_number(const std::string& name) {
    const auto at = std::find(classes_.begin(), classes_.end(), name);
    const auto number = static_cast<uint16_t>(at - classes_.begin());
    // Numbers are 16 bits wide; whoever makes up more classes than that shares the last one.
    if (at != classes_.end() || classes_.size() == UINT16_MAX)
        return std::min<uint16_t>(number, UINT16_MAX - 1);
    classes_.push_back(name);
    writer_.text(DictionaryKind::kRequestClass, number, name);
    return number;
}

void Engine::Impl::publish_prompt(const LiveRequest& r, const GenerationRequest& request) {
    if (!effective_.boolean(KnobId::kRecordText)) return;
    if (!request.prompt_text.empty())
        return writer_.text(DictionaryKind::kPrompt, raw(r.id), request.prompt_text);
    const auto vocab = static_cast<TokenId>(executor_->vocab_size());
    const bool readable = std::all_of(request.prompt.begin(), request.prompt.end(),
                                      [&](TokenId t) { return t >= 0 && t < vocab; });
    if (tokenizer_ && readable)
        writer_.text(DictionaryKind::kPrompt, raw(r.id), tokenizer_->decode(request.prompt));
}

Answer Engine::Impl::cancel(RequestId request) {
    drain();
    const auto at = requests_.find(raw(request));
    if (at == requests_.end() || at->second->ended()) {
        const bool known = raw(request) > 0 && raw(request) <= last_request_;
        return {Verdict::kRefused,
                fmt::format("request {} {}", raw(request), known ? "has ended already" : "is not known"), 0,
                request};
    }
    stamp();
    end_request(*at->second, FinishReason::kCancelled, "", "cancelled by its sender");
    shrink_further();
    return {Verdict::kAccepted, "", 0, request};
}

void Engine::Impl::end_request(LiveRequest& r, FinishReason reason, const std::string& tail,
                               const std::string& error) {
    static constexpr RequestPhase kPhase[] = {
        RequestPhase::kFinished,  RequestPhase::kFinished, RequestPhase::kFinished, RequestPhase::kRejected,
        RequestPhase::kCancelled, RequestPhase::kTimedOut, RequestPhase::kFailed};
    static_assert(std::size(kPhase) == static_cast<size_t>(FinishReason::kCount));
    if (!error.empty()) writer_.text(DictionaryKind::kError, raw(r.id), error);
    if (r.state != SequenceState::kEnded && reason != FinishReason::kRejected)
        book_standing(r, writer_.time_ns());
    r.timeline.close(writer_);
    writer_.request(r, kPhase[static_cast<size_t>(reason)], reason);
    if (reason == FinishReason::kStop || reason == FinishReason::kLength) ++counters_.finished;

    RequestListener* listener = r.listener;
    const RequestId id = r.id;
    if (listener && r.admitted_ns >= 0)
        listener->on_numeric_history(id, r.numerics.history(r.prompt_tokens, kv_.epochs()));
    std::string rest = tail;
    if (rest.empty() && reason != FinishReason::kStop && r.decoder) rest = r.decoder->finish();
    if (reason == FinishReason::kStop || reason == FinishReason::kLength) remember_text(r);
    forget(r);
    if (listener) listener->on_end(id, reason, rest, error);
}

void Engine::Impl::forget(LiveRequest& r) {
    if (r.admitted_ns >= 0) {
        const auto need = needs_.find(r.most_blocks());
        if (--need->second == 0) needs_.erase(need);
        deadlines_.erase({r.deadline_ns, raw(r.id)});
        if (r.overtaken) std::erase(overtaken_, &r);
    }
    if (replaying_ == &r) replaying_ = nullptr;
    scheduler_.remove(r);
    if (drafter_) {
        if (r.first_token_ns >= 0)
            drafter_->end(r.id, std::span(r.tokens).first(r.prompt_tokens + r.answered_tokens));
        draft_length_->end(r.id);
    }
    if (r.plans_in_flight > 0)
        zombies_.push_back(&r);
    else
        requests_.erase(raw(r.id));
}

}  // namespace pitwall::engine
