// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/gpu/measure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace pitwall::cuda::bench {

void give_up(const Error& error) {
    std::fprintf(stderr, "pitwall: %s\n", error.text().c_str());
    std::exit(1);
}

Device::Device(bool tiny) : tiny_(tiny) {
    const DeviceList list = list_devices();
    if (list.devices.empty()) give_up(list.why_none);
    properties_ = list.devices[0];
    must(use_device(0));
    stream_ = must(Stream::create());
}

DeviceMemory Device::allocate(uint64_t bytes) { return must(DeviceMemory::allocate(bytes, "the benchmark")); }

DeviceMemory Device::random_numbers(uint64_t bytes) {
    DeviceMemory memory = allocate(bytes);
    constexpr uint64_t kPiece = 16 << 20;
    std::vector<uint64_t> words(std::min(bytes, kPiece) / sizeof(uint64_t) + 1);
    constexpr uint64_t kSmall = 0xbf7fbf7fbf7fbf7f;  // bit 14 of each 16 clear: below 2
    for (uint64_t& word : words) word = random_() & kSmall;
    for (uint64_t at = 0; at < bytes; at += kPiece)
        stream_.copy_to_device(memory.data() + at, words.data(), std::min(kPiece, bytes - at));
    synchronize();
    return memory;
}

void Device::synchronize() { must(stream_.synchronize()); }

Device::Time Device::measure(const std::function<void(uint32_t)>& run, uint32_t batch, uint32_t rounds) {
    if (tiny_) batch = rounds = 1;
    Event begin = must(Event::create()), end = must(Event::create());
    run(0);
    synchronize();
    std::vector<double> times;
    for (uint32_t round = 0, i = 1; round < rounds; ++round) {
        stream_.record(begin);
        for (uint32_t n = 0; n < batch; ++n) run(i++);
        stream_.record(end);
        synchronize();
        times.push_back(static_cast<double>(Event::elapsed_ns(begin, end)) / batch);
    }
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times.front(), times.back()};
}

void report(nlohmann::json line, const Device::Time& time, double bytes, double flops) {
    line["us"] = time.median_ns / 1e3;
    line["us_least"] = time.least_ns / 1e3;
    line["us_most"] = time.most_ns / 1e3;
    if (bytes > 0) line["gb_per_s"] = bytes / time.median_ns;
    if (flops > 0) line["tflops"] = flops / time.median_ns / 1e3;
    std::cout << line.dump() << std::endl;
}

}  // namespace pitwall::cuda::bench
