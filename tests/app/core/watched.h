// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sessions as the window uses them: live ones on the simulated device and the tiny model, and their replays.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/core/session/session.h"
#include "telemetry/store/store.h"

namespace pitwall::app {

using namespace std::chrono_literals;
using telemetry::Answer;

inline SessionOptions simulated(std::initializer_list<std::string_view> settings = {}) {
    SessionOptions options;
    options.model = "synthetic:tiny";
    options.device = "sim:test";
    for (const std::string_view setting : settings)
        EXPECT_TRUE(options.knobs.set_from_text(setting).ok()) << setting;
    return options;
}

inline std::unique_ptr<Session> open(const SessionOptions& options) {
    auto session = open_live_session(options, nullptr);
    EXPECT_TRUE(session.ok()) << session.error().text();
    return std::move(session).value();
}

/// Records a simulated session at `path` from its beginning to its end; gives the path.
inline std::string recorded_at(const std::string& path, int seconds,
                               std::initializer_list<std::string_view> settings) {
    SessionOptions options = simulated(settings);
    options.duration_ns = int64_t{seconds} * 1'000'000'000;
    options.record_path = path;
    const auto session = open(options);
    session->start();
    while (!session->finished()) std::this_thread::sleep_for(1ms);
    session->stop();
    return path;
}

/// A session and everything that it said so far.
struct Watched {
    explicit Watched(std::unique_ptr<Session> of)
        : session(std::move(of)), reader(session->add_reader(telemetry::Overflow::kWait, 1 << 18)) {}

    void drain() {
        std::vector<telemetry::Event> batch;
        while (reader->drain(batch, 1 << 16) > 0) {
            store.apply(batch);
            batch.clear();
        }
    }
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (std::chrono::steady_clock::now() < deadline) {
            drain();
            if (condition(store)) return true;
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }
    Answer ask(std::future<Answer> answer) {
        EXPECT_EQ(answer.wait_for(20s), std::future_status::ready);
        return answer.get();
    }

    std::unique_ptr<Session> session;
    std::shared_ptr<telemetry::Reader> reader;
    telemetry::Store store;
};

}  // namespace pitwall::app
