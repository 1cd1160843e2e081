// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace pitwall::app {

namespace {

/// Far more than the caches of one core, and little enough in sum for a machine with many.
constexpr size_t kMostBytesPerThread = size_t{128} << 20, kMostBytes = size_t{2} << 30;
constexpr int kPasses = 5;

/// Eight sums, so that the additions do not wait for each other.
uint64_t sum(const std::vector<uint64_t>& words) {
    uint64_t sums[8] = {};
    for (size_t i = 0; i + 8 <= words.size(); i += 8)
        for (size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
    return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

}  // namespace

double measure_read_bandwidth(uint32_t threads) {
    threads = std::max(threads, 1u);
    const size_t bytes = std::min(kMostBytesPerThread, kMostBytes / threads);
    std::vector<std::vector<uint64_t>> buffers(threads);
    for (auto& buffer : buffers) buffer.assign(bytes / sizeof(uint64_t), 1);
    std::atomic<uint64_t> total{0};  // keeps the sums from being left out
    double best = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
        const auto begin = std::chrono::steady_clock::now();
        std::vector<std::thread> readers;
        readers.reserve(threads);
        for (const auto& buffer : buffers) readers.emplace_back([&] { total += sum(buffer); });
        for (std::thread& reader : readers) reader.join();
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        best = std::max(best, static_cast<double>(bytes) * threads / seconds.count());
    }
    return total > 0 ? best : 0;
}

}  // namespace pitwall::app
