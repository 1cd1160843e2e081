// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many events a second the recorder writes, with none lost: the mix of kinds that steps of decoding sequences
// make, published as fast as the recorder's queue takes them. Target: 200,000 events/s. Then how quickly the file
// replays.
//   bench_recorder [SEQUENCES [EVENTS [FILE]]]
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "app/core/session/process_usage.h"
#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/record/recorder.h"
#include "telemetry/replay/session_reader.h"

using namespace pitwall;
using namespace pitwall::telemetry;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// One decode step: a member, a token, four causes a sequence, and a block now and then.
class Steps {
  public:
    Steps(Producer& producer, uint32_t sequences) : producer_(producer), sequences_(sequences) {}

    void publish_step() {
        for (uint32_t s = 0; s < sequences_; ++s)
            publish_sequence(RequestId{1 + s + static_cast<uint32_t>(step_ / 100)}, s);
        Event step = make(EventKind::kStep);
        step.step.step_id = step_;
        step.step.duration_ns = kStepNs;
        step.step.decode_tokens = sequences_;
        step.step.flops = 1.7e11f;
        step.step.bytes = 1.4e8;
        producer_.publish(step);
        ++step_;
    }
    size_t events_a_step() const { return sequences_ * 7 + 1; }

  private:
    static constexpr int64_t kStepNs = 10'000'000;

    Event make(EventKind kind) const {
        Event event;
        event.kind = kind;
        event.t_ns = static_cast<int64_t>(step_) * kStepNs;
        return event;
    }
    void publish_sequence(RequestId request, uint32_t s) {
        Event event = make(EventKind::kStepMember);
        event.member = {step_, request, WorkKind::kDecode, {}, 1, static_cast<uint32_t>(step_ % 400), 20};
        producer_.publish(event);
        for (const Cause cause : {Cause::kScheduling, Cause::kDecode, Cause::kSampling, Cause::kScheduling}) {
            event = make(EventKind::kCause);
            event.cause = {request, cause, {}, kStepNs / 4, step_};
            producer_.publish(event);
        }
        event = make(EventKind::kRequest);
        event.request.request = request;
        event.request.phase = RequestPhase::kToken;
        event.request.output_tokens = static_cast<uint32_t>(step_ % 400);
        event.request.token = static_cast<TokenId>(s * 37 % 49152);
        event.request.step_id = step_;
        producer_.publish(event);
        if ((step_ + s) % 16 != 0) return;
        event = make(EventKind::kBlock);
        event.block = {BlockId{s}, request, BlockPhase::kFilled, BlockState::kHeld, KvDtype::kF16, 0, 1, 16,
                       3,          kNoBlock};
        producer_.publish(event);
    }

    Producer& producer_;
    uint32_t sequences_;
    uint64_t step_ = 0;
};

double replay_rate(const std::string& path) {
    auto reader = SessionReader::open(path);
    if (!reader.ok()) return 0;
    const auto begin = std::chrono::steady_clock::now();
    uint64_t events = 0;
    for (size_t n = 1; n > 0; events += n) n = reader.value()->next(16384).size();
    return static_cast<double>(events) / seconds_since(begin);
}

}  // namespace

int main(int argc, char** argv) {
    const auto sequences = static_cast<uint32_t>(argc > 1 ? std::atoi(argv[1]) : 64);
    const auto events = static_cast<uint64_t>(argc > 2 ? std::atoll(argv[2]) : 2'000'000);
    const std::string path =
        argc > 3 ? argv[3]
                 : (std::filesystem::temp_directory_path() / fmt::format("pitwall-bench-{}.db", getpid()))
                       .string();
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, kRecorderQueueEvents);
    Recorder recorder(reader, {});
    if (Status status = recorder.start(path); !status.ok()) {
        fmt::print(stderr, "{}\n", status.error().text());
        return 1;
    }
    const auto begin = std::chrono::steady_clock::now();
    Steps steps(*producer, sequences);
    int64_t waited_ns = 0;
    while (bus.last_seq() < events) {
        waited_ns += producer->wait_for_room(steps.events_a_step());
        steps.publish_step();
    }
    const Status stopped = recorder.stop();
    const double seconds = seconds_since(begin), cpu = static_cast<double>(app::cpu_ns()) * 1e-9;
    const uint64_t lost = bus.last_seq() - recorder.events_written();
    const auto bytes = std::filesystem::file_size(path);
    fmt::print(
        R"({{"bench": "recorder", "sequences": {}, "events": {}, "events_per_s": {:.0f}, "events_per_cpu_s": {:.0f}, "lost": {}, "producer_waited_s": {:.2f}, "bytes_per_event": {:.1f}, "replayed_events_per_s": {:.0f}}})"
        "\n",
        sequences, bus.last_seq(), static_cast<double>(bus.last_seq()) / seconds,
        static_cast<double>(bus.last_seq()) / cpu, lost, static_cast<double>(waited_ns) * 1e-9,
        static_cast<double>(bytes) / static_cast<double>(bus.last_seq()), replay_rate(path));
    if (argc <= 3) std::filesystem::remove(path);
    return stopped.ok() && lost == 0 ? 0 : 1;
}
