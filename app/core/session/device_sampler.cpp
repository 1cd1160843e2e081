// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_sampler.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace pitwall::app {

namespace {

constexpr int64_t kInterval_ns = 1'000'000'000;

uint64_t resident_bytes() {
    unsigned long size = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (!file) return 0;
    const int read = std::fscanf(file, "%lu %lu", &size, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

int64_t cpu_ns() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ns = [](const timeval& t) {
        return int64_t{t.tv_sec} * 1'000'000'000 + int64_t{t.tv_usec} * 1000;
    };
    return ns(usage.ru_utime) + ns(usage.ru_stime);
}

}  // namespace

void DeviceSampler::poll(int64_t now_ns) {
    if (now_ns < next_ns_) return;
    // After a long step the missed samples are not made up for: they would all show the present.
    next_ns_ = now_ns + kInterval_ns - now_ns % kInterval_ns;
    telemetry::Event event;
    event.kind = telemetry::EventKind::kDevice;
    event.t_ns = now_ns;
    event.device = {.resident_bytes = resident_bytes(),
                    .kv_bytes = kv_bytes_,
                    .weight_bytes = weight_bytes_,
                    .cpu_ns = cpu_ns(),
                    .threads = threads_,
                    .reserved = 0};
    producer_.publish(event);
}

}  // namespace pitwall::app
