// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/workload/workload_feeder.h"

#include <algorithm>

#include "app/core/workload/fit_prompt.h"

namespace pitwall::app {

using presets::ArrivalProcess;
using presets::KnobId;

namespace {

/// Arrivals of the workload `burst` come in groups of this size, at request_rate on average.
constexpr uint32_t kBurstGroup = 8;
/// A closed loop whose requests are rejected on arrival tries again after this.
constexpr int64_t kRetry_ns = 100'000'000;
/// Arrivals taken in at a time: where they are due faster than they can be tokenized, the engine and whoever commands it
/// get their turn all the same, and what is late stays due.
constexpr int kMostAtATime = 128;

}  // namespace

WorkloadFeeder::WorkloadFeeder(engine::Engine& engine, const engine::Tokenizer& tokenizer,
                               uint32_t max_context_tokens, uint64_t seed)
    : engine_(engine),
      tokenizer_(tokenizer),
      max_context_tokens_(max_context_tokens),
      texts_(shipped_workload_texts()),
      prompts_(texts_, seed),
      gaps_(seed ^ 0x9e3779b97f4a7c15u) {}

WorkloadKind WorkloadFeeder::kind() const {
    return static_cast<WorkloadKind>(engine_.effective_knobs().integer(KnobId::kWorkload));
}

WorkloadFeeder::Schedule WorkloadFeeder::schedule() const {
    const presets::KnobValues& knobs = engine_.effective_knobs();
    return {static_cast<ArrivalProcess>(knobs.integer(KnobId::kArrivalProcess)),
            knobs.get(KnobId::kRequestRate), knobs.get(KnobId::kGammaShape),
            kind() == WorkloadKind::kBurst ? kBurstGroup : 1,
            knobs.boolean(KnobId::kWorkloadRunning) && kind() != WorkloadKind::kNone};
}

int64_t WorkloadFeeder::gap_ns() {
    return gaps_.next_ns(last_.process, last_.rate_per_s / last_.group, last_.shape);
}

void WorkloadFeeder::poll(int64_t session_ns) {
    const int64_t now_ns = engine_.unpaused_ns(session_ns);
    paused_ns_ = session_ns - now_ns;
    const Schedule now = schedule();
    const bool anew = now != last_, was_on = last_.on;
    last_ = now;
    if (!now.on) {
        next_arrival_ns_ = INT64_MAX;
    } else if (now.process == ArrivalProcess::kClosed) {
        poll_closed(now_ns);
    } else {
        // Started, it begins with an arrival; turned, with the gap that the new rate gives.
        if (anew || next_arrival_ns_ == INT64_MAX) next_arrival_ns_ = was_on ? now_ns + gap_ns() : now_ns;
        poll_open(now_ns);
    }
}

void WorkloadFeeder::poll_open(int64_t now_ns) {
    for (int sent = 0; next_arrival_ns_ <= now_ns && sent < kMostAtATime; ++sent) {
        for (uint32_t i = 0; i < last_.group; ++i) submit_one(kind(), next_arrival_ns_ + paused_ns_);
        next_arrival_ns_ += std::max<int64_t>(gap_ns(), 1);
    }
}

void WorkloadFeeder::poll_closed(int64_t now_ns) {
    const auto users = static_cast<size_t>(engine_.effective_knobs().integer(KnobId::kConcurrency));
    for (size_t tries = in_flight_.size(); tries < users; ++tries) submit_one(kind(), now_ns + paused_ns_);
    next_arrival_ns_ = in_flight_.size() < users ? now_ns + kRetry_ns : INT64_MAX;
}

int64_t WorkloadFeeder::next_arrival_ns() const {
    return next_arrival_ns_ == INT64_MAX ? INT64_MAX : next_arrival_ns_ + paused_ns_;
}

void WorkloadFeeder::hasten(int64_t session_ns) {
    if (next_arrival_ns_ == INT64_MAX) return;
    next_arrival_ns_ = engine_.unpaused_ns(session_ns);
    poll(session_ns);
}

void WorkloadFeeder::burst(uint32_t requests, int64_t now_ns) {
    const WorkloadKind what = kind() == WorkloadKind::kNone ? WorkloadKind::kMix : kind();
    for (uint32_t i = 0; i < requests; ++i) submit_one(what, now_ns);
}

uint32_t WorkloadFeeder::prompt_limit(uint32_t max_tokens) const {
    const auto asked =
        static_cast<uint32_t>(engine_.effective_knobs().integer(KnobId::kWorkloadMaxPromptTokens));
    const uint32_t context = max_context_tokens_ > max_tokens ? max_context_tokens_ - max_tokens : 1;
    return std::min(asked, context);
}

void WorkloadFeeder::submit_one(WorkloadKind what, int64_t arrival_ns) {
    const auto max_tokens =
        static_cast<uint32_t>(engine_.effective_knobs().integer(KnobId::kWorkloadMaxTokens));
    WorkloadPrompt prompt = prompts_.next(what, max_tokens);
    const uint32_t limit = prompt_limit(prompt.spec.max_tokens);
    auto request = fit_prompt(prompt.spec, tokenizer_, limit);
    // The template and the sampling are our own, so that only a model without a chat template comes here.
    if (!request.ok()) {
        prompts_.abandon(prompt.conversation);
        prompt.spec.prompt = prompt.spec.messages.back().content, prompt.spec.messages.clear(),
        prompt.conversation = kNoConversation;
        request = fit_prompt(prompt.spec, tokenizer_, limit);
        if (!request.ok()) return;
    }
    request.value().arrival_ns = arrival_ns;
    ended_in_submit_ = false;
    const RequestId id = engine_.submit(std::move(request).value(), this);
    if (ended_in_submit_)
        prompts_.abandon(prompt.conversation);
    else
        in_flight_.emplace(raw(id), InFlight{prompt.conversation, {}});
}

void WorkloadFeeder::on_token(RequestId request, TokenId, std::string_view text) {
    const auto found = in_flight_.find(raw(request));
    if (found != in_flight_.end() && found->second.conversation != kNoConversation)
        found->second.answer += text;
}

void WorkloadFeeder::on_end(RequestId request, engine::FinishReason reason, std::string_view tail,
                            std::string_view) {
    const auto found = in_flight_.find(raw(request));
    ended_in_submit_ = found == in_flight_.end();
    if (ended_in_submit_) return;
    InFlight ended = std::move(found->second);
    in_flight_.erase(found);
    const bool whole = reason == engine::FinishReason::kStop || reason == engine::FinishReason::kLength;
    if (whole)
        prompts_.answered(ended.conversation, ended.answer + std::string(tail));
    else
        prompts_.abandon(ended.conversation);
}

}  // namespace pitwall::app
