// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "app/core/session/engine_parts.h"
#include "app/core/workload/workload_feeder.h"
#include "telemetry/bus/reader.h"

using namespace pitwall;
using namespace pitwall::app;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::unique_ptr<EngineParts> simulated(std::initializer_list<std::string_view> settings) {
    SessionOptions options;
    options.model = "synthetic:tiny", options.device = "sim:test";
    for (const std::string_view setting : settings) EXPECT_TRUE(options.knobs.set_from_text(setting).ok());
    auto parts = assemble_engine(options, nullptr);
    EXPECT_TRUE(parts.ok());
    return std::move(parts).value();
}

/// An engine in virtual time, its workload, and the arrivals that it told.
struct Fed {
    explicit Fed(std::initializer_list<std::string_view> settings) : parts(simulated(settings)) {}

    void poll_at(int64_t t_ns) {
        parts->clock->advance(t_ns - parts->clock->now_ns());
        feeder.poll(t_ns);
    }
    std::vector<int64_t> arrivals() {
        std::vector<telemetry::Event> events;
        while (reader->drain(events, 1 << 16) > 0) {
        }
        for (const telemetry::Event& e : events)
            if (e.kind == telemetry::EventKind::kRequest &&
                e.request.phase == telemetry::RequestPhase::kArrived)
                told.push_back(e.request.arrival_ns);
        return told;
    }

    std::unique_ptr<EngineParts> parts;
    std::shared_ptr<telemetry::Reader> reader = parts->bus.add_reader(telemetry::Overflow::kWait, 1 << 16);
    WorkloadFeeder feeder{*parts->engine, parts->tokenizer(), parts->config().max_context_tokens, 1};
    std::vector<int64_t> told;
};

}  // namespace

TEST(WorkloadFeeder, GivesTheEngineItsTurnHoweverManyAreDue) {
    Fed fed({"workload=code", "arrival_process=constant", "request_rate=1000"});
    fed.poll_at(0);
    fed.poll_at(10 * kSecond);
    const size_t first = fed.arrivals().size();
    EXPECT_GT(first, 1u);
    EXPECT_LT(first, 1000u) << "10,000 are due";
    EXPECT_LE(fed.feeder.next_arrival_ns(), 10 * kSecond) << "the rest stays due";
    fed.poll_at(10 * kSecond);
    const auto all = fed.arrivals();
    EXPECT_GT(all.size(), first);
    for (size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i] - all[i - 1], 1'000'000) << "as scheduled";
}

TEST(WorkloadFeeder, StandsStillWhileTheEngineIsPaused) {
    Fed fed({"workload=code", "arrival_process=constant", "request_rate=1"});
    fed.poll_at(0);
    fed.poll_at(kSecond / 4);
    fed.parts->engine->pause();
    for (int hour = 1; hour <= 12; ++hour) fed.poll_at(hour * 3600 * kSecond);
    EXPECT_EQ(fed.arrivals().size(), 1u);
    const int64_t resumed = 12 * 3600 * kSecond;
    fed.parts->engine->resume();
    fed.poll_at(resumed);
    EXPECT_EQ(fed.arrivals().size(), 1u);
    EXPECT_EQ(fed.feeder.next_arrival_ns(), resumed + 3 * kSecond / 4)
        << "as much later as the pause was long";
    fed.poll_at(resumed + kSecond);
    EXPECT_EQ(fed.arrivals().back(), resumed + 3 * kSecond / 4);
}

TEST(WorkloadFeeder, TheNextArrivalMayBeCalled) {
    Fed fed({"workload=code", "arrival_process=constant", "request_rate=1"});
    fed.poll_at(0);
    fed.poll_at(kSecond / 4);
    fed.parts->engine->pause();
    fed.poll_at(kSecond / 2);
    fed.feeder.hasten(kSecond / 2);
    EXPECT_EQ(fed.arrivals().size(), 2u);
    EXPECT_EQ(fed.arrivals().back(), kSecond / 2);
}
