// SPDX-License-Identifier: GPL-3.0-or-later
//
// The script's device is a simulated one. Here this process computes and another small model drafts, so that the memory
// panel has parts of a process; its numbers equal plain SQL over the recording.
#include <gtest/gtest.h>

#include <chrono>

#include "app/core/session/device_sampler.h"
#include "app/core/session/engine_parts.h"
#include "app/core/session/recording.h"
#include "tests/panels/sql/panel_sheet.h"
#include "tests/panels/sql/sql_sheet.h"
#include "tests/telemetry/session_helpers.h"

namespace pitwall::testing {
namespace {

app::SessionOptions options_of_process() {
    app::SessionOptions options;
    options.model = options.draft_model = "synthetic:tiny";
    options.threads = 1;
    options.seed = 7;
    for (const char* setting :
         {"speculative_method=draft", "kv_cache_memory_bytes=4194304", "workload_running=false"})
        EXPECT_TRUE(options.knobs.set_from_text(setting).ok()) << setting;
    return options;
}

/// Steps of one request, and while it runs a sample of the device.
void run(app::EngineParts& parts) {
    engine::GenerationRequest request;
    for (int i = 0; i < 40; ++i) request.prompt.push_back(static_cast<TokenId>(100 + i));
    request.max_tokens = 60;
    request.ignore_eos = true;
    request.arrival_ns = parts.clock->now_ns();
    parts.engine->submit(std::move(request), nullptr);
    for (int i = 0; i < 10; ++i) parts.engine->step();
    app::DeviceSampler(*parts.producer, *parts.engine).poll(parts.clock->now_ns());
    parts.engine->step();
    parts.engine->publish_end();
    parts.producer->notify();
}

telemetry::Store play(const std::string& path, uint64_t& last_seq) {
    const app::SessionOptions options = options_of_process();
    auto assembled = app::assemble_engine(options, nullptr);
    if (!assembled.ok()) throw std::runtime_error(assembled.error().text());
    app::EngineParts& parts = *assembled.value();
    const auto reader = parts.bus.add_reader(telemetry::Overflow::kWait, 1 << 14);
    auto recording = app::Recording::begin(parts.bus, path, false, options.knobs);
    if (!recording.ok()) throw std::runtime_error(recording.error().text());
    recording.value()->listen();
    app::publish_session_facts(parts, options, std::chrono::system_clock::now());
    parts.engine->publish_start();
    run(parts);
    EXPECT_TRUE(recording.value()->end().ok());
    telemetry::Store store;
    std::vector<telemetry::Event> events;
    reader->drain(events, 1 << 14);
    store.apply(events);
    last_seq = events.back().seq;
    return store;
}

TEST(PanelsAndSql, TheMemoryOfAProcessThatComputes) {
    const telemetry::testing::TemporaryFolder folder;
    const std::string path = folder.path("session.db");
    uint64_t last_seq = 0;
    const telemetry::Store store = play(path, last_seq);
    const telemetry::TimeRange range{0, store.now_ns() + 1};
    Sheet shown, computed;
    show_memory(store, range, "session", shown);
    SessionSql sql(path, last_seq);
    compute_memory(sql, {{"session", range.begin_ns, range.end_ns}}, computed);
    EXPECT_EQ(shown, computed);
    for (const char* part : {"Activations", "Draft model", "Rest of the process"})
        EXPECT_TRUE(shown.contains(std::string("memory|") + part)) << part;
}

}  // namespace
}  // namespace pitwall::testing
