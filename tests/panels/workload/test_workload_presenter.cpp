// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "panels/workload/workload_presenter.h"
#include "tests/panels/support/fake_control.h"
#include "tests/panels/support/told.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::FakeControl;
using testing::kMs;
using testing::Told;

constexpr telemetry::TimeRange kWindow{80'000 * kMs, 200'000 * kMs}, kRange{140'000 * kMs, 200'000 * kMs};

class Workload : public ::testing::Test {
  protected:
    void update() { presenter.update(kWindow, kRange, "last 60 s", 0); }
    Told told;
    FakeControl control;
    WorkloadPresenter presenter{told.store, control};
};

TEST_F(Workload, TellsWhatWasSeenInTheRange) {
    for (const uint32_t prompt : {100u, 200u, 900u})
        told.request({.arrival_ms = 150'000,
                      .scheduled_ms = 150'000,
                      .first_token_ms = 150'100,
                      .end_ms = 151'000,
                      .prompt = prompt,
                      .cached = prompt / 2,
                      .output = prompt / 10});
    told.request({.arrival_ms = 100'000,
                  .scheduled_ms = 100'000,
                  .first_token_ms = 100'100,
                  .end_ms = 101'000,
                  .prompt = 7});
    told.until(200'000);
    update();
    EXPECT_EQ(presenter.rows()[0].value.text(), "0.05 req/s");
    EXPECT_EQ(presenter.rows()[1].name, "Prompt p50, n = 3");
    EXPECT_EQ(presenter.rows()[1].value.text(), "200 tokens");
    EXPECT_EQ(presenter.rows()[2].value.text(), "20 tokens");
    EXPECT_EQ(presenter.rows()[3].value.text(), "50.0 %");
    EXPECT_EQ(presenter.most_arrivals(), 3u);
    EXPECT_EQ(presenter.strip_caption(), "Arrived, requests per 2 s");
}

TEST_F(Workload, NothingSeenIsAnEnDash) {
    update();
    for (size_t i = 1; i < presenter.rows().size(); ++i)
        EXPECT_EQ(presenter.rows()[i].value.number, kNoValue) << i;
    EXPECT_EQ(presenter.most_arrivals(), 0u);
}

TEST_F(Workload, HandsGoThroughKnobsAndBurst) {
    presenter.toggle_arrivals(0);
    presenter.set_workload(1, 0);
    presenter.set_process(3, 0);
    presenter.burst(0);
    const std::vector<std::pair<std::string, std::string>> asked = {
        {"workload_running", "false"}, {"workload", "chat"}, {"arrival_process", "closed"}};
    EXPECT_EQ(control.knobs, asked);
    EXPECT_EQ(control.bursts, std::vector<uint32_t>{WorkloadPresenter::kBurstRequests});
    told.knob(1000, KnobId::kWorkloadRunning, 1, 0);
    update();
    EXPECT_EQ(presenter.scope(), "arrivals paused");
    presenter.toggle_arrivals(0);
    EXPECT_EQ(control.knobs.back().second, "true");
}

TEST_F(Workload, ARefusalIsSaidForAWhile) {
    control.next = {telemetry::Verdict::kRefused, "no workload is running", 0, kNoRequest};
    presenter.burst(0);
    EXPECT_EQ(presenter.notice(), "no workload is running");
    presenter.update(kWindow, kRange, "", 60'000);
    EXPECT_EQ(presenter.notice(), "");
}

TEST_F(Workload, ClosedLoopIsKnown) {
    EXPECT_FALSE(presenter.closed_loop());
    told.knob(1000, KnobId::kArrivalProcess, 0, 3);
    EXPECT_TRUE(presenter.closed_loop());
}

}  // namespace
}  // namespace pitwall::panels
