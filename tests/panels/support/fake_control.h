// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/control.h"

namespace pitwall::testing {

/// Notes what was asked. Answers at once with `next`, or later by hand where `held` is set.
class FakeControl : public telemetry::Control {
  public:
    using Answer = telemetry::Answer;
    std::vector<std::string> calls;  ///< every command in words: "cancel 3", "set max_num_seqs=24"
    std::vector<telemetry::PromptSpec> prompts;
    std::vector<std::pair<std::string, std::string>> knobs;  ///< as they were asked
    std::vector<uint32_t> bursts;
    Answer next;
    bool held = false;
    std::deque<std::promise<Answer>> waiting;

    /// The oldest command that waits.
    void answer(Answer given) {
        waiting.front().set_value(std::move(given));
        waiting.pop_front();
    }

    std::future<Answer> submit(telemetry::PromptSpec prompt) override {
        prompts.push_back(std::move(prompt));
        return reply("submit");
    }
    std::future<Answer> cancel(RequestId request) override {
        return reply("cancel " + std::to_string(raw(request)));
    }
    std::future<Answer> set_knob(std::string_view name, std::string_view value) override {
        knobs.emplace_back(name, value);
        return reply("set " + std::string(name) + "=" + std::string(value));
    }
    std::future<Answer> load_draft_model(std::string model) override { return reply("draft model " + model); }
    std::future<Answer> flush_prefix_cache() override { return reply("flush"); }
    std::future<Answer> pause() override { return reply("pause"); }
    std::future<Answer> resume() override { return reply("resume"); }
    std::future<Answer> single_step() override { return reply("step"); }
    std::future<Answer> burst(uint32_t requests) override {
        bursts.push_back(requests);
        return reply("burst " + std::to_string(requests));
    }
    std::future<Answer> request_keyframe() override { return reply("keyframe"); }

  private:
    std::future<Answer> reply(std::string call) {
        calls.push_back(std::move(call));
        std::promise<Answer> promise;
        std::future<Answer> future = promise.get_future();
        if (held)
            waiting.push_back(std::move(promise));
        else
            promise.set_value(next);
        return future;
    }
};

}  // namespace pitwall::testing
