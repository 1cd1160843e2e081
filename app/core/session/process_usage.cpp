// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace pitwall::app {

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

}  // namespace pitwall::app
