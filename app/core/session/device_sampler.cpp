// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_sampler.h"

#include <system_error>
#include <utility>

#include "app/core/session/process_usage.h"

namespace pitwall::app {

namespace {

constexpr int64_t kInterval_ns = 1'000'000'000;

}  // namespace

void DeviceSampler::poll(int64_t now_ns) {
    if (now_ns < next_ns_) return;
    // After a long step the missed samples are not made up for: they would all show the present.
    next_ns_ = now_ns + kInterval_ns - now_ns % kInterval_ns;
    sample_process(now_ns);
    sample_gpu(now_ns);
}

void DeviceSampler::sample_process(int64_t now_ns) {
    const engine::EngineMemory memory = engine_.memory();
    telemetry::Event event;
    event.kind = telemetry::EventKind::kDevice;
    event.t_ns = now_ns;
    event.device = {.resident_bytes = resident_bytes(),
                    .kv_bytes = memory.kv,
                    .weight_bytes = memory.weights,
                    .activation_bytes = memory.activations,
                    .draft_bytes = memory.draft,
                    .cpu_ns = cpu_ns(),
                    .threads = engine_.device().threads,
                    .reserved = 0};
    producer_.publish(event);
}

void DeviceSampler::watch(const std::string& bus_id) {
    if (gpu_) {
        gpu_->ask_to_stop();
        retired_.push_back(std::move(gpu_));
    }
    gpu_bus_id_ = bus_id;
    if (bus_id.empty()) return;
    try {
        gpu_ = std::make_unique<GpuMonitor>(bus_id);
    } catch (const std::system_error&) {
        // No thread is to be had: a session goes on without readings.
    }
}

/// The engine's device may be another one than a second ago.
void DeviceSampler::sample_gpu(int64_t now_ns) {
    if (const std::string& bus_id = engine_.device().pci_bus_id; bus_id != gpu_bus_id_) watch(bus_id);
    const auto reading = gpu_ ? gpu_->take() : std::nullopt;
    if (!reading) return;
    telemetry::Event event;
    event.kind = telemetry::EventKind::kGpu;
    event.t_ns = now_ns;
    event.gpu = *reading;
    producer_.publish(event);
}

}  // namespace pitwall::app
