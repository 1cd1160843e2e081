// SPDX-License-Identifier: GPL-3.0-or-later
//
// What publishing an event costs the engine, with the two readers attached that a session has: one for the UI, one for
// the recorder, each drained by a thread of its own. Bursts as steps make them; the readers drain in between and
// meanwhile. Target: under 100 ns.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/bus/reader.h"
#include "telemetry/record/recorder.h"

using namespace pitwall::telemetry;

namespace {

constexpr size_t kBurst = 2000;  // events of a step with some three hundred sequences
constexpr size_t kBursts = 1500;

std::thread drain(const std::shared_ptr<Reader>& reader, const std::atomic<bool>& done, uint64_t& events) {
    return std::thread([&events, reader, &done] {
        std::vector<Event> batch;
        while (!done || !reader->empty()) {
            batch.clear();
            events += reader->drain(batch, 16384);
            if (batch.empty()) reader->wait(1'000'000);
        }
    });
}

double burst_ns(Producer& producer, Event& event) {
    const auto begin = std::chrono::steady_clock::now();
    for (size_t i = 0; i < kBurst; ++i) producer.publish(event);
    const auto end = std::chrono::steady_clock::now();
    producer.notify();
    return std::chrono::duration<double, std::nano>(end - begin).count() / kBurst;
}

}  // namespace

int main() {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto ui = bus.add_reader(Overflow::kDrop, size_t{1} << 17);
    const auto recorder = bus.add_reader(Overflow::kWait, kRecorderQueueEvents);
    std::atomic<bool> done = false;
    uint64_t ui_events = 0, recorder_events = 0;
    std::thread ui_thread = drain(ui, done, ui_events),
                recorder_thread = drain(recorder, done, recorder_events);

    Event event;
    event.kind = EventKind::kStepMember;
    std::vector<double> costs;
    for (size_t i = 0; i < kBursts; ++i) {
        producer->wait_for_room(kBurst);
        costs.push_back(burst_ns(*producer, event));
        std::this_thread::sleep_for(std::chrono::microseconds(500));  // the step's own work
    }
    done = true;
    producer->notify();
    ui_thread.join();
    recorder_thread.join();
    std::sort(costs.begin(), costs.end());
    fmt::print(
        R"({{"bench": "bus", "publish_ns": {:.1f}, "publish_p95_ns": {:.1f}, "readers": 2, "events": {}, "ui_events": {}, "ui_dropped": {}, "recorder_events": {}, "lost": {}}})"
        "\n",
        costs[costs.size() / 2], costs[costs.size() * 95 / 100], kBurst * kBursts, ui_events, ui->dropped(),
        recorder_events, kBurst * kBursts - recorder_events);
    return recorder_events == kBurst * kBursts ? 0 : 1;
}
