// SPDX-License-Identifier: GPL-3.0-or-later
//
// A library that answers as NVML does, for tests: PITWALL_NVML=FILE. It knows one GPU, 0000:3b:00.0. FAKE_NVML says what else:
// "dead" (it does not begin), "mute" (no value is told).
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kSuccess = 0, kUninitialized = 1, kNotSupported = 3, kNotFound = 6;
int begun = 0;

bool told(const char* word) {
    const char* set = std::getenv("FAKE_NVML");
    return set && std::strcmp(set, word) == 0;
}

int tell(unsigned* out, unsigned value) {
    if (begun == 0) return kUninitialized;
    if (told("mute")) return kNotSupported;
    *out = value;
    return kSuccess;
}

struct Memory {
    unsigned long long total, free, used;
};
struct Utilization {
    unsigned gpu, memory;
};

}  // namespace

extern "C" {

int nvmlInit_v2() { return told("dead") ? kUninitialized : (++begun, kSuccess); }
int nvmlShutdown() { return --begun, kSuccess; }
const char* nvmlErrorString(int code) { return code == kNotFound ? "Not Found" : "Uninitialized"; }
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
    *device = &begun;
    return std::strcmp(id, "0000:3b:00.0") == 0 ? kSuccess : kNotFound;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
    unsigned any = 0;
    *memory = {141ull << 30, 41ull << 30, 100ull << 30};
    return tell(&any, 0);
}
int nvmlDeviceGetUtilizationRates(void*, Utilization* rates) {
    rates->memory = 61;
    return tell(&rates->gpu, 97);
}
int nvmlDeviceGetPowerUsage(void*, unsigned* mw) { return tell(mw, 612'345); }
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* mw) { return tell(mw, 700'000); }
int nvmlDeviceGetClockInfo(void*, unsigned type, unsigned* mhz) { return tell(mhz, type == 1 ? 1755 : 3201); }
int nvmlDeviceGetMaxClockInfo(void*, unsigned type, unsigned* mhz) {
    return tell(mhz, type == 1 ? 1980 : 3201);
}
int nvmlDeviceGetTemperature(void*, unsigned, unsigned* celsius) { return tell(celsius, 54); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
    unsigned any = 0;
    *reasons = 0x4;  // the power cap
    return tell(&any, 0);
}
// nvmlDeviceGetPcieThroughput is what this driver is too old for.

}  // extern "C"
