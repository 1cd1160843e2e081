// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a full KV pool takes to change its format, beside a memcpy of the bytes held by the same threads.
//   bench_kv_convert [--memory-mib N] [--threads N] [--repeat N]
// The shape is that of the default model. One line of JSON for each pair of formats: medians, and the median of the
// ratios of neighbouring runs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/exec/cpu/kv_arena.h"
#include "telemetry/names.h"
#include "telemetry/stats/quantile.h"

namespace {

using namespace pitwall;
using namespace pitwall::engine;
using namespace pitwall::engine::cpu;

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return telemetry::quantile(values, 0.5);
}

template <class Work>
double milliseconds(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

ModelConfig default_shape() {
    ModelConfig config;
    config.num_layers = 30, config.num_heads = 9, config.num_kv_heads = 3, config.head_dim = 64;
    return config;
}

class Bench {
  public:
    Bench(uint64_t memory_bytes, uint32_t threads, int repeat)
        : memory_bytes_(memory_bytes), pool_(threads), repeat_(repeat), copy_(memory_bytes) {}

    void pair(KvDtype from, KvDtype to) {
        std::vector<double> convert_ms, copy_ms, ratios;
        for (int i = 0; i <= repeat_; ++i) {
            auto arena = KvArena::create(default_shape(), memory_bytes_, from);
            if (!arena.ok()) return;
            fill(arena.value(), to);
            const double copy = copy_once(arena.value().head(BlockId{0}, 0, 0));
            const double convert = convert_once(arena.value(), to);
            if (i == 0) continue;  // warms up
            convert_ms.push_back(convert), copy_ms.push_back(copy), ratios.push_back(convert / copy);
        }
        fmt::print(
            "{{\"from\": \"{}\", \"to\": \"{}\", \"tier\": \"{}\", \"threads\": {}, \"held_mib\": {:.0f}, "
            "\"convert_ms\": {:.2f}, \"memcpy_ms\": {:.2f}, \"ratio\": {:.3f}}}\n",
            telemetry::name(from), telemetry::name(to), kernel_tier_name(kernels_.tier), pool_.threads(),
            static_cast<double>(held_bytes_) / 1048576, median(convert_ms), median(copy_ms), median(ratios));
        std::fflush(stdout);
    }

  private:
    /// As many blocks as both formats hold, all of them filled.
    void fill(KvArena& arena, KvDtype to) {
        blocks_ =
            std::min(arena.capacity_blocks(), arena.capacity_blocks(kv_bytes_per_block(to, default_shape())));
        if (!arena.resize(blocks_).ok()) std::abort();
        held_bytes_ = blocks_ * arena.bytes_per_block();
        std::byte* held = arena.head(BlockId{0}, 0, 0);
        for (uint64_t i = 0; i < held_bytes_; i += 2) {
            const auto half = static_cast<uint16_t>(0x3000 + i % 2039);
            std::memcpy(held + i, &half, sizeof half);
        }
    }

    double convert_once(KvArena& arena, KvDtype to) {
        std::vector<BlockId> holding;
        for (uint32_t id = 0; id < blocks_; ++id) holding.push_back(BlockId{id});
        // As the engine does it: the pool keeps its bytes, and has more blocks.
        const auto size = std::max(blocks_, static_cast<uint32_t>(blocks_ * arena.bytes_per_block() /
                                                                  kv_bytes_per_block(to, default_shape())));
        return milliseconds([&] {
            if (!arena.convert(to, size, holding, pool_, kernels_).ok()) std::abort();
        });
    }

    /// The same bytes, into pages that have been written before.
    double copy_once(const std::byte* held) {
        constexpr uint64_t kPiece = uint64_t{1} << 18;
        return milliseconds([&] {
            pool_.run(
                static_cast<uint32_t>(held_bytes_ / kPiece), 1, [&](uint32_t begin, uint32_t end, uint32_t) {
                    std::memcpy(copy_.data() + begin * kPiece, held + begin * kPiece, (end - begin) * kPiece);
                });
        });
    }

    uint64_t memory_bytes_, held_bytes_ = 0;
    ThreadPool pool_;
    const Kernels& kernels_ = kernels_of(available_kernel_tiers().back());
    int repeat_;
    std::vector<std::byte> copy_;
    uint32_t blocks_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    uint64_t memory_mib = 1024;
    uint32_t threads = available_threads();
    int repeat = 7;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const long value = std::strtol(argv[i + 1], nullptr, 10);
        if (option == "--memory-mib") memory_mib = static_cast<uint64_t>(value);
        if (option == "--threads") threads = static_cast<uint32_t>(value);
        if (option == "--repeat") repeat = static_cast<int>(value);
    }
    Bench bench(memory_mib << 20, threads, repeat);
    for (const KvDtype to :
         {KvDtype::kInt8, KvDtype::kFp8, KvDtype::kK8V4, KvDtype::kInt4, KvDtype::kBf16, KvDtype::kF32})
        bench.pair(KvDtype::kF16, to);
    bench.pair(KvDtype::kInt8, KvDtype::kF16);
    bench.pair(KvDtype::kInt8, KvDtype::kInt4);
    return 0;
}
