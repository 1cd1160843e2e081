// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;

int64_t Engine::Impl::stamp() {
    const int64_t now_ns = clock_.now_ns();
    writer_.set_time(now_ns);
    kv_.set_time(now_ns);
    return now_ns;
}

/// Session time without the pauses: what time-outs are measured in. Exact back to the beginning of the last pause.
int64_t Engine::Impl::unpaused_ns(int64_t t_ns) const {
    if (paused_ && t_ns >= paused_since_ns_) return paused_since_ns_ - paused_total_ns_;
    if (t_ns >= last_pause_end_ns_) return t_ns - paused_total_ns_;
    const int64_t paused_before_ns = paused_total_ns_ - (last_pause_end_ns_ - last_pause_begin_ns_);
    return std::min(t_ns, last_pause_begin_ns_) - paused_before_ns;
}

int64_t Engine::Impl::next_deadline_ns() const {
    if (paused_ || deadlines_.empty()) return std::numeric_limits<int64_t>::max();
    return deadlines_.begin()->first + paused_total_ns_;
}

void Engine::Impl::idle_tick() {
    expire(clock_.now_ns());
    lose_broken_drafter();
}

void Engine::Impl::expire(int64_t now_ns) {
    if (deadlines_.empty() || deadlines_.begin()->first > unpaused_ns(now_ns)) return;
    drain();
    now_ns = stamp();
    while (!deadlines_.empty() && deadlines_.begin()->first <= unpaused_ns(now_ns)) {
        LiveRequest& r = *requests_.at(deadlines_.begin()->second);
        const double allowed_ms = static_cast<double>(r.timeout_ns) / 1e6;
        end_request(r, FinishReason::kTimeout, "",
                    fmt::format("not done within {:g} ms of its arrival, {} of {} tokens", allowed_ms,
                                r.answered_tokens, r.max_tokens));
    }
    shrink_further();
}

/// Of a request that waits: what the queue was told, or that it was overtaken.
void Engine::Impl::book_waiting(LiveRequest& r, int64_t until_ns) {
    if (r.overtaken)
        r.timeline.book(Cause::kWaitPolicy, until_ns, steps_submitted_, writer_);
    else
        wait_log_.replay(r.timeline, until_ns, steps_submitted_, writer_);
}

/// Of a request between steps.
void Engine::Impl::book_standing(LiveRequest& r, int64_t until_ns) {
    if (r.state == SequenceState::kWaiting) return book_waiting(r, until_ns);
    const bool recovering = r.state == SequenceState::kPreempted || r.recovering();
    const Cause cause = paused_ ? Cause::kPaused : recovering ? Cause::kPreempted : Cause::kScheduling;
    r.timeline.book(cause, until_ns, steps_submitted_, writer_);
}

/// Of all that have run: those that only wait share the log.
void Engine::Impl::book_active(int64_t until_ns) {
    for (Sequence* s : scheduler_.running()) book_standing(live(*s), until_ns);
    for (Sequence* s : scheduler_.preempted()) book_standing(live(*s), until_ns);
    book_overtaken(until_ns);
}

/// Being overtaken ends with the next decision, and with any standstill.
void Engine::Impl::book_overtaken(int64_t until_ns) {
    for (LiveRequest* r : overtaken_) {
        book_waiting(*r, until_ns);
        r->overtaken = false;
    }
    overtaken_.clear();
}

void Engine::Impl::stand_still(Cause cause, int64_t from_ns, int64_t to_ns) {
    book_active(from_ns);
    for (Sequence* s : scheduler_.running()) live(*s).timeline.book(cause, to_ns, steps_submitted_, writer_);
    for (Sequence* s : scheduler_.preempted())
        live(*s).timeline.book(cause, to_ns, steps_submitted_, writer_);
    const Cause before = wait_log_.current();
    wait_log_.set(from_ns, cause);
    wait_log_.set(to_ns, before);
}

void Engine::Impl::book_recorder_wait(int64_t since_ns) {
    collect_all();
    const int64_t now_ns = stamp();
    if (now_ns > since_ns) {
        writer_.mark(MarkKind::kRecorderWait, now_ns - since_ns);
        if (!paused_) stand_still(Cause::kRecorder, since_ns, now_ns);
    }
    replace_if_lost();  // which takes time of its own
}

void Engine::Impl::begin_pause(int64_t now_ns) {
    book_active(now_ns);
    paused_ = true;
    paused_since_ns_ = now_ns;
    cause_before_pause_ = wait_log_.current();
    wait_log_.set(now_ns, Cause::kPaused);
}

void Engine::Impl::end_pause(int64_t now_ns) {
    book_active(now_ns);
    paused_ = false;
    paused_total_ns_ += now_ns - paused_since_ns_;
    last_pause_begin_ns_ = paused_since_ns_;
    last_pause_end_ns_ = now_ns;
    wait_log_.set(now_ns, cause_before_pause_);
}

void Engine::Impl::pause() {
    if (paused_) return;
    drain();
    const int64_t now_ns = stamp();
    begin_pause(now_ns);
    writer_.mark(MarkKind::kPaused, 0);
}

void Engine::Impl::resume() {
    single_step_ = false;
    if (!paused_) return;
    const int64_t now_ns = stamp();
    const int64_t paused_ns = now_ns - paused_since_ns_;
    end_pause(now_ns);
    writer_.mark(MarkKind::kResumed, paused_ns);
}

void Engine::Impl::allow_single_step() { single_step_ = paused_; }

/// Tells every live request's account so far, so that a keyframe stands on nothing untold.
void Engine::Impl::publish_accounts() {
    const int64_t now_ns = writer_.time_ns();
    for (auto& [number, r] : requests_) {
        if (r->ended()) continue;
        if (r->state == SequenceState::kWaiting) book_waiting(*r, now_ns);
        r->timeline.publish(writer_);
    }
    wait_log_.trim();
}

}  // namespace pitwall::engine
