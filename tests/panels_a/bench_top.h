// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a panel needs around it: a store that a scene feeds, a control that notes what it was asked, selection and theme.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "panels/common/panel.h"
#include "tests/panels_a/scene.h"

namespace pitwall::testing {

/// Answers at once, or keeps promises open until the test answers them.
class NotedControl : public telemetry::Control {
  public:
    using Answer = telemetry::Answer;
    std::future<Answer> submit(telemetry::PromptSpec prompt) override {
        prompts.push_back(std::move(prompt));
        return answer("submit");
    }
    std::future<Answer> cancel(RequestId request) override {
        return answer("cancel " + std::to_string(raw(request)));
    }
    std::future<Answer> set_knob(std::string_view name, std::string_view value) override {
        return answer("set " + std::string(name) + "=" + std::string(value));
    }
    std::future<Answer> flush_prefix_cache() override { return answer("flush"); }
    std::future<Answer> pause() override { return answer("pause"); }
    std::future<Answer> resume() override { return answer("resume"); }
    std::future<Answer> single_step() override { return answer("step"); }
    std::future<Answer> burst(uint32_t requests) override {
        return answer("burst " + std::to_string(requests));
    }
    std::future<Answer> request_keyframe() override { return answer("keyframe"); }

    std::vector<std::string> calls;
    std::vector<telemetry::PromptSpec> prompts;
    Answer next;        ///< what is answered
    bool hold = false;  ///< keep promises open; release() fulfils the oldest
    void release() {
        held_.front().set_value(next);
        held_.pop_front();
    }

  private:
    std::future<Answer> answer(std::string call) {
        calls.push_back(std::move(call));
        std::promise<Answer> promise;
        std::future<Answer> future = promise.get_future();
        if (hold) {
            held_.push_back(std::move(promise));
        } else {
            promise.set_value(next);
        }
        return future;
    }
    std::deque<std::promise<Answer>> held_;
};

struct BenchTop {
    telemetry::Store store;
    NotedControl control;
    panels::SelectionModel selection;
    panels::RangeModel range;
    panels::Theme theme;

    explicit BenchTop(panels::Theme::Mode mode = panels::Theme::Mode::kDark) : theme(mode) {}
    panels::PanelContext context() { return {&store, &control, &selection, &range, &theme, false}; }
    void feed(Scene& scene, double seconds) { store.apply(scene.run(seconds)); }
    /// Among those that decode now, the one with the longest answer.
    RequestId longest_running() const {
        RequestId best = kNoRequest;
        uint32_t tokens = 0;
        for (const auto& [id, row] : store.requests())
            if (!row.ended() && row.output_tokens > tokens) tokens = row.output_tokens, best = id;
        return best;
    }
};

}  // namespace pitwall::testing
