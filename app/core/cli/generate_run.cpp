// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/generate_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <thread>

#include "app/core/cli/console.h"

namespace pitwall::app {

using telemetry::EventKind;
using telemetry::RequestPhase;

namespace {

constexpr size_t kReaderEvents = size_t{1} << 16;

Result<ScheduledKnob> parse_scheduled_knob(const std::string& text) {
    ScheduledKnob at;
    const size_t colon = text.find(':');
    const char* begin = text.data();
    const char* end = begin + std::min(colon, text.size());
    const auto [stop, error] = std::from_chars(begin, end, at.step);
    if (colon == std::string::npos || error != std::errc{} || stop != end || begin == end)
        return Error{fmt::format("--at {} names no step", text.substr(0, 60)),
                     "write STEP:KNOB=VALUE, such as 12:max_num_seqs=2"};
    presets::KnobValues values;
    if (auto status = values.set_from_text(text.substr(colon + 1)); !status.ok())
        return Error{"--at: " + status.error().what, status.error().hint};
    for (const presets::KnobSpec& knob : presets::knob_table()) {
        if (!values.given(knob.id)) continue;
        if (!knob.live)
            return Error{fmt::format("--at: {} is not live", knob.name),
                         fmt::format("{}; give it with --set", knob.reload_reason)};
        at.knob = knob.id, at.value = values.get(knob.id);
    }
    return at;
}

}  // namespace

Result<std::vector<ScheduledKnob>> parse_scheduled_knobs(const std::vector<std::string>& texts) {
    std::vector<ScheduledKnob> knobs;
    for (const std::string& text : texts) {
        const auto knob = parse_scheduled_knob(text);
        if (!knob.ok()) return knob.error();
        knobs.push_back(knob.value());
    }
    std::stable_sort(knobs.begin(), knobs.end(),
                     [](const ScheduledKnob& a, const ScheduledKnob& b) { return a.step < b.step; });
    return knobs;
}

GenerateRun::GenerateRun(EngineParts& parts, std::vector<ScheduledKnob> knobs, OnText on_text)
    : parts_(parts),
      knobs_(std::move(knobs)),
      on_text_(std::move(on_text)),
      reader_(parts.bus.add_reader(telemetry::Overflow::kWait, kReaderEvents)) {}

GenerateRun::~GenerateRun() { parts_.bus.remove_reader(reader_); }

std::vector<GenerationOutcome> GenerateRun::run(std::vector<FileRequest> requests, Interrupts& interrupts) {
    requests_ = std::move(requests);
    outcomes_.assign(requests_.size(), {});
    order_by_arrival();
    while (!interrupts.pending()) {
        submit_due();
        turn_knobs();
        const bool stepped = parts_.engine->step();
        parts_.producer->notify();
        drain_events();
        if (!stepped && next_request_ == by_arrival_.size() && !parts_.engine->has_work()) break;
        if (!stepped) wait_for_arrival();
        // Only the recorder can be behind here: the reader above has just been emptied.
        const int64_t since = parts_.clock->now_ns();
        if (parts_.producer->wait_for_room(parts_.engine->next_step_events()) > 0)
            parts_.engine->book_recorder_wait(since);
    }
    parts_.engine->publish_end();
    drain_events();
    if (!interrupts.pending()) tell_unreached();
    for (GenerationOutcome& outcome : outcomes_)  // interrupted before they arrived
        if (outcome.reason == engine::FinishReason::kNone)
            outcome.reason = engine::FinishReason::kCancelled,
            outcome.error = "interrupted before it arrived";
    return std::move(outcomes_);
}

void GenerateRun::order_by_arrival() {
    by_arrival_.resize(requests_.size());
    std::iota(by_arrival_.begin(), by_arrival_.end(), size_t{0});
    const auto key = [&](size_t index) {
        const engine::GenerationRequest& request = requests_[index].request;
        const bool replays = !request.numeric_history.empty();
        return std::pair(replays, replays ? 0 : request.arrival_ns);
    };
    std::stable_sort(by_arrival_.begin(), by_arrival_.end(),
                     [&](size_t a, size_t b) { return key(a) < key(b); });
}

bool GenerateRun::is_due(engine::GenerationRequest& request) const {
    if (request.numeric_history.empty()) return request.arrival_ns <= parts_.clock->now_ns();
    request.arrival_ns = parts_.clock->now_ns();
    return !parts_.engine->has_work();
}

void GenerateRun::submit_due() {
    while (next_request_ < by_arrival_.size()) {
        const size_t index = by_arrival_[next_request_];
        engine::GenerationRequest& request = requests_[index].request;
        if (!is_due(request)) return;
        ++next_request_;
        submitting_ = index;
        const RequestId id = parts_.engine->submit(std::move(request), this);
        index_of_.emplace(raw(id), index);
        submitting_ = SIZE_MAX;
    }
}

void GenerateRun::turn_knobs() {
    for (; next_knob_ < knobs_.size() && knobs_[next_knob_].step <= parts_.engine->steps(); ++next_knob_) {
        const ScheduledKnob& at = knobs_[next_knob_];
        const telemetry::Answer answer =
            parts_.engine->set_knob(at.knob, at.value, telemetry::KnobOrigin::kScript);
        if (answer.verdict != telemetry::Verdict::kAccepted)
            remark(fmt::format("step {}: {}: {}", at.step, presets::spec(at.knob).name, answer.reason));
    }
}

void GenerateRun::tell_unreached() const {
    for (size_t i = next_knob_; i < knobs_.size(); ++i)
        remark(fmt::format("--at {}: {} was not turned, for all was done after {} steps", knobs_[i].step,
                           presets::spec(knobs_[i].knob).name, parts_.engine->steps()));
}

void GenerateRun::wait_for_arrival() {
    const int64_t arrival = next_request_ < by_arrival_.size()
                                ? requests_[by_arrival_[next_request_]].request.arrival_ns
                                : INT64_MAX;
    const int64_t now = parts_.clock->now_ns();
    const int64_t wait = std::max<int64_t>(std::min(arrival, parts_.engine->next_deadline_ns()) - now, 0);
    // Short naps keep Ctrl-C quick.
    if (parts_.clock->is_virtual())
        parts_.clock->advance(wait);
    else
        std::this_thread::sleep_for(std::chrono::nanoseconds(std::min<int64_t>(wait, 50'000'000)));
    parts_.engine->idle_tick();
}

void GenerateRun::drain_events() {
    batch_.clear();
    while (reader_->drain(batch_, kReaderEvents) > 0) {
        for (const telemetry::Event& event : batch_) book(event);
        batch_.clear();
    }
}

void GenerateRun::book(const telemetry::Event& event) {
    if (event.kind != EventKind::kRequest) return;
    GenerationOutcome* outcome = outcome_of(event.request.request);
    if (!outcome) return;
    const telemetry::RequestEvent& request = event.request;
    outcome->arrival_ns = request.arrival_ns;
    outcome->prompt_tokens = request.prompt_tokens;
    outcome->cached_tokens = request.cached_tokens;
    outcome->output_tokens = request.output_tokens;
    const bool token = request.phase == RequestPhase::kFirstToken || request.phase == RequestPhase::kToken;
    if (request.phase == RequestPhase::kFirstToken) outcome->first_token_ns = event.t_ns;
    if (token) outcome->last_token_ns = event.t_ns;
    if (request.reason != engine::FinishReason::kNone) outcome->end_ns = event.t_ns;
}

GenerationOutcome* GenerateRun::outcome_of(RequestId request) {
    const auto found = index_of_.find(raw(request));
    const size_t index = found != index_of_.end() ? found->second : submitting_;
    return index < outcomes_.size() ? &outcomes_[index] : nullptr;
}

void GenerateRun::on_token(RequestId request, TokenId token, std::string_view text) {
    GenerationOutcome* outcome = outcome_of(request);
    outcome->ids.push_back(token);
    outcome->text += text;
    if (on_text_ && !text.empty()) on_text_(text);
}

void GenerateRun::on_numeric_history(RequestId request, const engine::NumericHistory& history) {
    outcome_of(request)->numeric_history = history;
}

void GenerateRun::on_end(RequestId request, engine::FinishReason reason, std::string_view tail,
                         std::string_view error) {
    GenerationOutcome* outcome = outcome_of(request);
    outcome->reason = reason;
    outcome->text += tail;
    outcome->error = error;
    if (on_text_ && !tail.empty()) on_text_(tail);
}

}  // namespace pitwall::app
