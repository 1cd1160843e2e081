// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/engine_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "app/core/session/make_request.h"

namespace pitwall::app {

using telemetry::Answer;
using telemetry::Verdict;

namespace {

/// One click must not ask for more than a queue is meant to hold.
constexpr uint32_t kLargestBurst = 1024;

Answer refusal(const Error& error) { return {Verdict::kRefused, error.text(), 0, kNoRequest}; }

std::future<Answer> ready(Answer answer) {
    std::promise<Answer> promise;
    promise.set_value(std::move(answer));
    return promise.get_future();
}

}  // namespace

std::future<Answer> EngineControl::submit(telemetry::PromptSpec prompt) {
    auto request = make_request(prompt, parts_.tokenizer());
    if (!request.ok()) return ready(refusal(request.error()));
    // A wall clock may be read from here; a virtual one belongs to the engine thread, and moves with it.
    const int64_t arrival_ns = clock_.is_virtual() ? -1 : clock_.now_ns();
    return commands_.post([this, arrival_ns, request = std::move(request).value()]() mutable {
        request.arrival_ns = arrival_ns < 0 ? clock_.now_ns() : arrival_ns;
        return Answer{Verdict::kAccepted, "", 0, engine_.submit(std::move(request), nullptr)};
    });
}

std::future<Answer> EngineControl::cancel(RequestId request) {
    return commands_.post([this, request] { return engine_.cancel(request); });
}

std::future<Answer> EngineControl::set_knob(std::string_view name, std::string_view value) {
    presets::KnobValues parsed;
    const Status status = parsed.set_from_text(fmt::format("{}={}", name, value));
    if (!status.ok()) return ready(refusal(status.error()));
    const presets::KnobSpec& knob = *presets::find_knob(name);
    return commands_.post([this, id = knob.id, asked = parsed.get(knob.id)] {
        return engine_.set_knob(id, asked, telemetry::KnobOrigin::kUser);
    });
}

/// Nobody waits for its file to be opened, nor for its weights. One after the other, so that the last one asked for stays.
std::future<Answer> EngineControl::load_draft_model(std::string model) {
    std::promise<Answer> promise;
    std::future<Answer> answer = promise.get_future();
    const auto open = [this](std::future<void> before, const std::string& name, std::promise<Answer> told) {
        if (before.valid()) before.get();
        told.set_value(choose_draft_model(name));
    };
    const std::lock_guard lock(opening_mutex_);
    try {
        opening_ =
            std::async(std::launch::async, open, std::move(opening_), std::move(model), std::move(promise));
    } catch (const std::system_error& error) {
        return ready(refusal(
            {fmt::format("the draft model cannot be opened ({})", error.what()), "end other programs"}));
    }
    return answer;
}

/// An engine that has ended meanwhile refuses: this waits for one that runs.
Answer EngineControl::choose_draft_model(const std::string& model) {
    try {
        if (const Status status = parts_.draft_model->choose(model); !status.ok())
            return refusal(status.error());
    } catch (const std::exception& error) {
        return refusal({fmt::format("the draft model cannot be opened ({})", error.what()), ""});
    }
    return commands_.post([this] { return turn_to_draft_model(); }).get();
}

Answer EngineControl::turn_to_draft_model() {
    constexpr auto kMethod = presets::KnobId::kSpeculativeMethod;
    constexpr auto kNone = static_cast<double>(presets::SpeculativeMethod::kNone);
    constexpr auto kDraft = static_cast<double>(presets::SpeculativeMethod::kDraft);
    // The one that drafts now goes before the next one comes: never both in memory.
    const bool replaces = engine_.effective_knobs().get(kMethod) == kDraft;
    if (replaces) engine_.set_knob(kMethod, kNone, telemetry::KnobOrigin::kUser);
    Answer answer = engine_.set_knob(kMethod, kDraft, telemetry::KnobOrigin::kUser);
    if (answer.verdict == Verdict::kRefused) {
        parts_.draft_model->choose_previous();
        if (replaces) engine_.set_knob(kMethod, kDraft, telemetry::KnobOrigin::kUser);
    }
    publish_draft_model(parts_);
    return answer;
}

std::future<Answer> EngineControl::flush_prefix_cache() {
    return commands_.post([this] { return engine_.flush_prefix_cache(); });
}

std::future<Answer> EngineControl::pause() {
    return commands_.post([this] {
        engine_.pause();
        return Answer{};
    });
}

std::future<Answer> EngineControl::resume() {
    return commands_.post([this] {
        engine_.resume();
        return Answer{};
    });
}

Answer EngineControl::single_step_now() {
    if (!engine_.paused()) return {Verdict::kRefused, "the engine is running: pause it first", 0, kNoRequest};
    if (!engine_.has_work()) feeder_.hasten(clock_.now_ns());
    engine_.allow_single_step();
    return {};
}

std::future<Answer> EngineControl::single_step() {
    return commands_.post([this] { return single_step_now(); });
}

std::future<Answer> EngineControl::burst(uint32_t requests) {
    const uint32_t sent = std::min(requests, kLargestBurst);
    return commands_.post([this, requests, sent] {
        feeder_.burst(sent, clock_.now_ns());
        Answer answer{Verdict::kAccepted, "", static_cast<double>(sent), kNoRequest};
        if (sent < requests)
            answer.verdict = Verdict::kClamped,
            answer.reason = fmt::format("a burst has at most {} requests", kLargestBurst);
        return answer;
    });
}

std::future<Answer> EngineControl::request_keyframe() {
    return commands_.post([this] {
        engine_.publish_keyframe();
        return Answer{};
    });
}

}  // namespace pitwall::app
