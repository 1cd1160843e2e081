// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda::bench {

/// Ends the program where something failed.
[[noreturn]] void give_up(const Error& error);
template <class T>
T must(Result<T> result) {
    if (!result.ok()) give_up(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// A device and a stream of it; ends the program where something fails.
class Device {
  public:
    /// `tiny`: for who wants to know that all of it runs, and not how fast. Emulated a GPU does some thousand times less.
    explicit Device(bool tiny);
    bool tiny() const { return tiny_; }
    Stream& stream() { return stream_; }
    const DeviceProperties& properties() const { return properties_; }

    DeviceMemory allocate(uint64_t bytes);
    /// Random bits that are small numbers in every 16-bit format (|x| < 2): zeros and special values run at other speeds.
    DeviceMemory random_numbers(uint64_t bytes);
    template <class T>
    DeviceMemory upload(const std::vector<T>& values) {
        DeviceMemory memory = allocate(values.size() * sizeof(T) + 16);
        stream_.copy_to_device(memory.data(), values.data(), values.size() * sizeof(T));
        synchronize();
        return memory;
    }
    void synchronize();

    /// Median of `rounds` times of one `run(i)` each, in ns; it is run `batch` times a round, between two events, with i counting
    /// up: rotate among inputs by it where they would fit the cache.
    struct Time {
        double median_ns, least_ns, most_ns;
    };
    Time measure(const std::function<void(uint32_t)>& run, uint32_t batch, uint32_t rounds = 9);

  private:
    bool tiny_;
    DeviceProperties properties_;
    Stream stream_;
    std::mt19937_64 random_{1};
};

/// One line of JSON on stdout: what was measured, its time, and the rates that `bytes` and `flops` make of it; 0: none.
void report(nlohmann::json line, const Device::Time& time, double bytes, double flops);

void bench_ceilings(Device& device);
void bench_products(Device& device);
void bench_fast_products(Device& device);
void bench_attention(Device& device);
void bench_conversion(Device& device);
void bench_sampling(Device& device);

}  // namespace pitwall::cuda::bench
