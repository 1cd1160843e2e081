// SPDX-License-Identifier: GPL-3.0-or-later
//
// The script's device times no kernels. Here a hand tells of steps that were timed and of a GPU; the device panel's numbers
// equal plain SQL over the recording.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/panels/sql/panel_sheet.h"
#include "tests/panels/sql/sql_sheet.h"
#include "tests/telemetry/session_helpers.h"

namespace pitwall::testing {
namespace {

using telemetry::Event;
using telemetry::EventKind;

constexpr int64_t kStepNs = 250'000'000, kMs = 1'000'000;

class DeviceEvents {
  public:
    DeviceEvents() {
        constexpr std::string_view kTier = "kernel_tier=cuda-sm90";
        Event& e = add(EventKind::kDictionary, 0);
        e.dictionary = {};
        e.dictionary.dictionary = telemetry::DictionaryKind::kSession;
        e.dictionary.length = uint8_t(kTier.size());
        e.dictionary.total_bytes = uint32_t(kTier.size());
        std::memcpy(e.dictionary.bytes, kTier.data(), kTier.size());
        for (uint64_t id = 0; id < 48; ++id) {
            if (id % 8 == 5) draft(id);
            if (id % 3 == 1) kernels(id);
            step(id);
            if (id % 4 == 3) gpu(id);
        }
    }
    std::vector<Event> events;

  private:
    Event& add(EventKind kind, int64_t t_ns) {
        Event& e = events.emplace_back();
        e.kind = kind;
        e.t_ns = t_ns;
        return e;
    }
    static int64_t at(uint64_t id) { return int64_t(id) * kStepNs; }
    void draft(uint64_t id) {
        auto& d = add(EventKind::kDraft, at(id)).draft;
        d = {};
        d.step_id = id, d.request = RequestId{1}, d.method = telemetry::DraftMethod::kNgram;
        d.drafted = 3, d.accepted = 1, d.draft_ns = 300'000 + int64_t(id) * 1'001;
    }
    void kernels(uint64_t id) {
        const auto n = int64_t(id);
        add(EventKind::kKernels, at(id)).kernels = {id,
                                                    {{{9 * kMs + n * 7'001, 27e9, 90e6 + double(n)},
                                                      {4 * kMs, 2e9 + double(n), 40e6},
                                                      {2 * kMs, 1e9, 30e6},
                                                      {kMs + n, 0, 1e6}}}};
    }
    void step(uint64_t id) {
        auto& s = add(EventKind::kStep, at(id)).step;
        s = {};
        s.step_id = id;
        s.duration_ns = 20 * kMs + int64_t(id) * 9'973;
        s.execute_ns = 17 * kMs + int64_t(id) * 8'117;
        s.plan_ns = 410'000, s.sample_ns = 930'000 + uint32_t(id), s.commit_ns = 270'000;
    }
    void gpu(uint64_t id) {
        const auto n = int32_t(id);
        add(EventKind::kGpu, at(id) + 30 * kMs).gpu = {.memory_used_bytes = (int64_t{100} << 30) + n,
                                                       .memory_total_bytes = int64_t{141} << 30,
                                                       .busy_percent = 40 + n,
                                                       .memory_busy_percent = n % 8 == 3 ? -1 : 20 + n,
                                                       .power_mw = 600'000 + 1'500 * n,
                                                       .power_limit_mw = 700'000,
                                                       .clock_mhz = 1'700 + n,
                                                       .max_clock_mhz = 1'980,
                                                       .memory_clock_mhz = 3'201,
                                                       .temperature_c = 50 + n % 9,
                                                       .throttle_reasons = n % 8 == 3 ? 0 : 36,
                                                       .pcie_sent_bytes_s = 2'000'000 + n * 1'000,
                                                       .pcie_received_bytes_s = n % 8 == 7 ? -1 : 31'000'000};
    }
};

TEST(PanelsAndSql, WhatTheDeviceDoesWithAStep) {
    const telemetry::testing::TemporaryFolder folder;
    const std::string path = folder.path("session.db");
    const std::vector<Event> events = DeviceEvents().events;
    ASSERT_TRUE(telemetry::testing::record(events, path).ok());
    telemetry::Store store;
    store.apply(events);
    SessionSql sql(path, events.size());
    ASSERT_EQ(store.now_ns(), sql.now_ns);
    std::vector<SqlRange> ranges = {{"session", 0, store.now_ns() + 1},
                                    {"middle", 3'100'000'000, 6'900'000'000},
                                    {"late", 9'000'000'000, store.now_ns() + 1},
                                    {"one step", 0, kStepNs}};
    Sheet shown, computed;
    for (const SqlRange& range : ranges)
        show_device(store, {range.begin_ns, range.end_ns}, range.name, shown);
    compute_device(sql, ranges, computed);
    EXPECT_EQ(shown, computed);
    for (const char* row : {"part|Drafting", "part|Between kernels", "rate|Row by row", "rate|Power"})
        EXPECT_TRUE(shown.contains(std::string("device|session|") + row)) << row;
    EXPECT_EQ(shown["device|one step|scope"], "0 1");
}

}  // namespace
}  // namespace pitwall::testing
