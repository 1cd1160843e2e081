// SPDX-License-Identifier: GPL-3.0-or-later
//
// Arrays in the device's memory, for tests of kernels: what a test does not write is NaN.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cuda/emulator/memcheck.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

template <class T>
class DeviceArray {
  public:
    /// Poisoned: 0xff in every byte; memcheck takes them for unwritten.
    DeviceArray(Stream& stream, size_t count) : stream_(stream), count_(count) {
        auto memory = DeviceMemory::allocate(count * sizeof(T), "a test");
        EXPECT_TRUE(memory.ok());
        memory_ = std::move(memory).value();
        stream.fill(memory_.data(), 0xff, count * sizeof(T));
        EXPECT_TRUE(stream.synchronize().ok());
        emulator::mark_unwritten(memory_.data(), count * sizeof(T));
    }
    DeviceArray(Stream& stream, const std::vector<T>& values) : DeviceArray(stream, values.size()) {
        stream.copy_to_device(memory_.data(), values.data(), values.size() * sizeof(T));
        EXPECT_TRUE(stream.synchronize().ok());
    }
    T* data() const { return memory_.as<T>(); }
    /// Waits for all that the stream was given.
    std::vector<T> read() const {
        std::vector<T> values(count_);
        stream_.copy_to_host(values.data(), memory_.data(), count_ * sizeof(T));
        const Status status = stream_.synchronize();
        EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
        return values;
    }

  private:
    Stream& stream_;
    DeviceMemory memory_;
    size_t count_;
};

/// What was read, for a test that looks at what nobody wrote too: that it is poison still.
template <class T>
std::vector<T> with_poison(std::vector<T> values) {
    emulator::mark_written(values.data(), values.size() * sizeof(T));
    return values;
}

/// || got - want || / || want ||; NaN never passes a comparison with it.
template <class Got, class Want>
double relative_error(const std::vector<Got>& got, const std::vector<Want>& want) {
    EXPECT_EQ(got.size(), want.size());
    double difference = 0, size = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        const double d = static_cast<double>(got[i]) - static_cast<double>(want[i]);
        difference += d * d;
        size += static_cast<double>(want[i]) * static_cast<double>(want[i]);
    }
    return std::sqrt(difference / size);
}

}  // namespace pitwall::cuda
