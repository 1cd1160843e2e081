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
    std::vector<std::pair<std::string, std::string>> knobs;  ///< as they were asked
    std::vector<uint32_t> bursts;
    int flushes = 0;
    Answer next;
    bool held = false;
    std::deque<std::promise<Answer>> waiting;

    void answer(Answer given) {
        waiting.front().set_value(std::move(given));
        waiting.pop_front();
    }

    std::future<Answer> submit(telemetry::PromptSpec) override { return reply(); }
    std::future<Answer> cancel(RequestId) override { return reply(); }
    std::future<Answer> set_knob(std::string_view name, std::string_view value) override {
        knobs.emplace_back(name, value);
        return reply();
    }
    std::future<Answer> flush_prefix_cache() override {
        ++flushes;
        return reply();
    }
    std::future<Answer> pause() override { return reply(); }
    std::future<Answer> resume() override { return reply(); }
    std::future<Answer> single_step() override { return reply(); }
    std::future<Answer> burst(uint32_t requests) override {
        bursts.push_back(requests);
        return reply();
    }
    std::future<Answer> request_keyframe() override { return reply(); }

  private:
    std::future<Answer> reply() {
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
