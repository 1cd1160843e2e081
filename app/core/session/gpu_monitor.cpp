// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/gpu_monitor.h"

#include <chrono>
#include <utility>

namespace pitwall::app {

namespace {

constexpr std::chrono::milliseconds kInterval(500);  ///< twice as often as samples are published

}  // namespace

GpuMonitor::GpuMonitor(std::string pci_bus_id)
    : pci_bus_id_(std::move(pci_bus_id)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

std::optional<telemetry::GpuEvent> GpuMonitor::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(newest_, std::nullopt);
}

/// A session goes on without a driver that answers: its GPU then has no readings.
void GpuMonitor::run(const std::stop_token& stop) {
    const auto nvml = engine::Nvml::open(pci_bus_id_);
    if (!nvml.ok()) return;
    while (!stop.stop_requested()) {
        const telemetry::GpuEvent reading = nvml.value()->read();
        std::unique_lock lock(mutex_);
        newest_ = reading;
        stopped_.wait_for(lock, stop, kInterval, [] { return false; });
    }
}

}  // namespace pitwall::app
