// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few functions that are asked, declared here: the toolkit that builds this need not have the library's header, and
// a system's driver may be older or newer than it. Names, structs and numbers are those of the NVML API reference, which
// keeps them for good.
#include "engine/exec/cuda/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <limits>

#include "telemetry/base/environment.h"

namespace pitwall::engine {

namespace {

using Device = void*;
using Code = int;
constexpr Code kSuccess = 0;
constexpr unsigned kMultiprocessorClock = 1, kMemoryClock = 2;  // nvmlClockType_t
constexpr unsigned kOfTheGpu = 0;                               // nvmlTemperatureSensors_t
constexpr unsigned kSent = 0, kReceived = 1;                    // nvmlPcieUtilCounter_t

struct Memory {
    unsigned long long total, free, used;
};
struct Utilization {
    unsigned gpu, memory;
};

/// The functions' values: unsigned, and where one does not fit, as good as not said.
int32_t small(unsigned value) {
    return value <= unsigned{std::numeric_limits<int32_t>::max()} ? static_cast<int32_t>(value) : -1;
}
int64_t large(unsigned long long value) {
    return value <= uint64_t{std::numeric_limits<int64_t>::max()} ? static_cast<int64_t>(value) : -1;
}

}  // namespace

/// A driver lacks what came after it: those pointers are null, and nothing is read by them.
struct Nvml::Functions {
    void* library = nullptr;
    Code (*begin)() = nullptr;
    Code (*end)() = nullptr;
    const char* (*error_text)(Code) = nullptr;
    Code (*find)(const char*, Device*) = nullptr;
    Code (*memory)(Device, Memory*) = nullptr;
    Code (*utilization)(Device, Utilization*) = nullptr;
    Code (*power)(Device, unsigned*) = nullptr;
    Code (*power_limit)(Device, unsigned*) = nullptr;
    Code (*clock)(Device, unsigned, unsigned*) = nullptr;
    Code (*max_clock)(Device, unsigned, unsigned*) = nullptr;
    Code (*temperature)(Device, unsigned, unsigned*) = nullptr;
    Code (*throttle)(Device, unsigned long long*) = nullptr;
    Code (*pcie)(Device, unsigned, unsigned*) = nullptr;

    ~Functions() {
        if (library) ::dlclose(library);
    }

    template <class Function>
    bool find_symbol(Function& function, const char* name) {
        function = reinterpret_cast<Function>(::dlsym(library, name));
        return function != nullptr;
    }
    /// False where it has no devices to ask.
    bool find_symbols() {
        find_symbol(memory, "nvmlDeviceGetMemoryInfo");
        find_symbol(utilization, "nvmlDeviceGetUtilizationRates");
        find_symbol(power, "nvmlDeviceGetPowerUsage");
        find_symbol(power_limit, "nvmlDeviceGetEnforcedPowerLimit");
        find_symbol(clock, "nvmlDeviceGetClockInfo");
        find_symbol(max_clock, "nvmlDeviceGetMaxClockInfo");
        find_symbol(temperature, "nvmlDeviceGetTemperature");
        if (!find_symbol(throttle, "nvmlDeviceGetCurrentClocksEventReasons"))
            find_symbol(throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
        find_symbol(pcie, "nvmlDeviceGetPcieThroughput");
        find_symbol(error_text, "nvmlErrorString");
        return find_symbol(begin, "nvmlInit_v2") && find_symbol(end, "nvmlShutdown") &&
               find_symbol(find, "nvmlDeviceGetHandleByPciBusId_v2");
    }
    Error failure(const char* doing, Code code) const {
        return {
            fmt::format("{}: {}", doing, error_text ? error_text(code) : fmt::format("NVML error {}", code)),
            ""};
    }

    /// -1 where there is no such function, or it fails.
    template <class Function, class... Given>
    static int32_t one(Function* function, Device device, Given... given) {
        unsigned value = 0;
        return function && function(device, given..., &value) == kSuccess ? small(value) : -1;
    }
};

Nvml::Nvml() : functions_(std::make_unique<Functions>()) {}
Nvml::~Nvml() {
    if (begun_) functions_->end();
}

Result<std::unique_ptr<Nvml>> Nvml::open(const std::string& pci_bus_id) {
    std::unique_ptr<Nvml> nvml(new Nvml());
    Functions& f = *nvml->functions_;
    const std::string given = environment_text("PITWALL_NVML");
    const std::string name = given.empty() ? "libnvidia-ml.so.1" : given;
    f.library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!f.library)
        return Error{fmt::format("the driver's management library does not load: {}", ::dlerror()), ""};
    if (!f.find_symbols()) return Error{fmt::format("{} lacks what every NVML has", name), ""};
    if (const Code code = f.begin(); code != kSuccess) return f.failure("beginning with NVML", code);
    nvml->begun_ = true;
    if (const Code code = f.find(pci_bus_id.c_str(), &nvml->device_); code != kSuccess)
        return f.failure(fmt::format("finding GPU {} in NVML", pci_bus_id).c_str(), code);
    return nvml;
}

telemetry::GpuEvent Nvml::read() const {
    const Functions& f = *functions_;
    telemetry::GpuEvent gpu{};
    Memory memory{};
    const bool has_memory = f.memory && f.memory(device_, &memory) == kSuccess;
    gpu.memory_used_bytes = has_memory ? large(memory.used) : -1;
    gpu.memory_total_bytes = has_memory ? large(memory.total) : -1;
    Utilization busy{};
    const bool has_busy = f.utilization && f.utilization(device_, &busy) == kSuccess;
    gpu.busy_percent = has_busy ? small(busy.gpu) : -1;
    gpu.memory_busy_percent = has_busy ? small(busy.memory) : -1;
    gpu.power_mw = Functions::one(f.power, device_);
    gpu.power_limit_mw = Functions::one(f.power_limit, device_);
    gpu.clock_mhz = Functions::one(f.clock, device_, kMultiprocessorClock);
    gpu.max_clock_mhz = Functions::one(f.max_clock, device_, kMultiprocessorClock);
    gpu.memory_clock_mhz = Functions::one(f.clock, device_, kMemoryClock);
    gpu.temperature_c = Functions::one(f.temperature, device_, kOfTheGpu);
    unsigned long long reasons = 0;
    gpu.throttle_reasons = f.throttle && f.throttle(device_, &reasons) == kSuccess ? large(reasons) : -1;
    constexpr int64_t kKiB = 1024;
    const auto pcie = [&](unsigned direction) -> int64_t {
        const int32_t kib = Functions::one(f.pcie, device_, direction);
        return kib < 0 ? -1 : kib * kKiB;
    };
    gpu.pcie_sent_bytes_s = pcie(kSent);
    gpu.pcie_received_bytes_s = pcie(kReceived);
    return gpu;
}

}  // namespace pitwall::engine
