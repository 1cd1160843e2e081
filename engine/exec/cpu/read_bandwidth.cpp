// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/read_bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <span>

#include "engine/exec/cpu/memory.h"

namespace pitwall::engine::cpu {
namespace {

constexpr size_t kLine = 64;

/// A way to read memory: in so many places side by side, as kernels read panels, each line asked for so many bytes ahead.
struct ReadWay {
    size_t streams;  ///< at most 4
    uint32_t fetch_ahead;
};
constexpr ReadWay kReadWays[] = {{1, 0}, {1, 8192}, {4, 0}, {4, 8192}};

/// What 16 bytes at a time a pass over them comes to; nothing is kept but what the compiler must not leave out.
uint64_t read_through(std::span<const std::byte> bytes, const ReadWay& way) {
    using Words [[gnu::vector_size(16), gnu::may_alias]] = uint64_t;
    const size_t stream = bytes.size() / way.streams / kLine * kLine;
    Words sums[4] = {};
    for (size_t at = 0; at < stream; at += kLine) {
        for (size_t i = 0; i < way.streams; ++i) {
            const std::byte* line = bytes.data() + i * stream + at;
            if (way.fetch_ahead > 0) __builtin_prefetch(line + way.fetch_ahead);
            const auto* words = reinterpret_cast<const Words*>(line);
            sums[i] ^= (words[0] ^ words[1]) ^ (words[2] ^ words[3]);
        }
    }
    const Words all = (sums[0] ^ sums[1]) ^ (sums[2] ^ sums[3]);
    return all[0] ^ all[1];
}

}  // namespace

double read_bandwidth(ThreadPool& pool, uint64_t most_bytes) {
    constexpr int kPasses = 7;
    constexpr uint64_t kMost = uint64_t{1} << 29;  // more takes longer and says no more
    const uint32_t threads = pool.threads();
    const size_t share = std::min(most_bytes, kMost) / threads / kLine * kLine, bytes = share * threads;
    if (share == 0) return 0;
    auto pages = PageBuffer::allocate(bytes, "what is read");  // as weights lie
    if (!pages.ok()) return 0;
    std::memset(pages.value().data(), 3, bytes);
    const std::span<const std::byte> all(pages.value().data(), bytes);
    std::atomic<uint64_t> sums{0};
    double best = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
        for (const ReadWay& way : kReadWays) {
            const auto start = std::chrono::steady_clock::now();
            pool.run(threads, 1, [&](uint32_t begin, uint32_t, uint32_t) {
                sums += read_through(all.subspan(begin * share, share), way);
            });
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            best = std::max(best, static_cast<double>(bytes) / took.count());
        }
    }
    return sums == 1 ? 0 : best;  // which it is not, but the compiler cannot know that
}

}  // namespace pitwall::engine::cpu
