// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/exec/cuda/nvml.h"

namespace pitwall::app {

/// Asks the driver about a GPU over and over, on a thread of its own: an answer takes milliseconds that no step should wait
/// for.
class GpuMonitor {
  public:
    /// Throws std::system_error where there can be no thread.
    explicit GpuMonitor(std::string pci_bus_id);
    /// So that it ends when the driver answers: one that fell off the bus may let it wait.
    void ask_to_stop() { thread_.request_stop(); }
    /// The newest answer that nobody took yet; any thread.
    std::optional<telemetry::GpuEvent> take();

  private:
    void run(const std::stop_token& stop);

    std::string pci_bus_id_;
    std::mutex mutex_;  ///< guards the two
    std::condition_variable_any stopped_;
    std::optional<telemetry::GpuEvent> newest_;
    std::jthread thread_;  ///< last: it ends before what it uses
};

}  // namespace pitwall::app
