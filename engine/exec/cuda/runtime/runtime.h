// SPDX-License-Identifier: GPL-3.0-or-later
//
// All that the executor asks of a device, on one page: memory, a queue of work, graphs of it, times. runtime_cuda.cpp asks
// the CUDA runtime; runtime_host.cpp does it on the host, where kernels are emulated. A program links one of the two.
//
// Work is asynchronous: what a Stream is given runs in order, some time later. A failure of the device is found by
// synchronize(), and by then nothing that it computed counts. One thread uses a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::cuda {

struct DeviceProperties {
    std::string name;                               ///< "NVIDIA H200"
    uint32_t compute_major = 0, compute_minor = 0;  ///< 9, 0
    uint32_t multiprocessors = 1;
    uint64_t memory_bytes = 0, l2_bytes = 0;
    bool emulated = false;
    bool has_code = true;  ///< the kernels were built for GPUs of its kind
};

/// Empty, with a reason in `why_none`, where there is no driver or no device.
struct DeviceList {
    std::vector<DeviceProperties> devices;
    std::string why_none;
};
DeviceList list_devices();
/// Everything below belongs to this device from now on, on this thread.
Status use_device(uint32_t index);

uint64_t free_device_bytes();

/// Bytes in the device's memory.
class DeviceMemory {
  public:
    DeviceMemory() = default;
    ~DeviceMemory();
    DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
    DeviceMemory& operator=(DeviceMemory&& other) noexcept;

    /// `what` is named where memory is short: "the KV cache". The contents are undefined.
    static Result<DeviceMemory> allocate(uint64_t bytes, const char* what);

    std::byte* data() const { return data_; }
    template <class T>
    T* as() const {
        return reinterpret_cast<T*>(data_);
    }
    uint64_t bytes() const { return bytes_; }

  private:
    std::byte* data_ = nullptr;
    uint64_t bytes_ = 0;
};

/// Host memory that the device reads and writes by itself while the host goes on.
class PinnedMemory {
  public:
    PinnedMemory() = default;
    ~PinnedMemory();
    PinnedMemory(PinnedMemory&& other) noexcept { *this = std::move(other); }
    PinnedMemory& operator=(PinnedMemory&& other) noexcept;

    static Result<PinnedMemory> allocate(uint64_t bytes, const char* what);

    std::byte* data() const { return data_; }
    template <class T>
    T* as() const {
        return reinterpret_cast<T*>(data_);
    }
    uint64_t bytes() const { return bytes_; }

  private:
    std::byte* data_ = nullptr;
    uint64_t bytes_ = 0;
};

/// A moment in a stream.
class Event {
  public:
    static Result<Event> create();
    Event() = default;
    ~Event();
    Event(Event&& other) noexcept { *this = std::move(other); }
    Event& operator=(Event&& other) noexcept;

    /// Both have been passed.
    static int64_t elapsed_ns(const Event& from, const Event& to);

    void* handle = nullptr;  ///< the runtime's
};

/// Work that was captured once and is launched as a whole.
class Graph {
  public:
    Graph() = default;
    ~Graph();
    Graph(Graph&& other) noexcept { *this = std::move(other); }
    Graph& operator=(Graph&& other) noexcept;

    void* handle = nullptr;  ///< the runtime's
};

class Stream {
  public:
    static Result<Stream> create();
    Stream() = default;
    ~Stream();
    Stream(Stream&& other) noexcept { *this = std::move(other); }
    Stream& operator=(Stream&& other) noexcept;

    /// Host memory that takes part in a copy stays untouched until synchronize().
    void copy_to_device(void* device, const void* host, uint64_t bytes);
    void copy_to_host(void* host, const void* device, uint64_t bytes);
    void copy_on_device(void* to, const void* from, uint64_t bytes);
    void fill(void* device, uint8_t byte, uint64_t bytes);
    void record(Event& event);

    /// What comes now is kept for the graph instead of done.
    void begin_capture();
    Result<Graph> end_capture();
    void launch(const Graph& graph);

    /// Whether all that it was given since the last time could be launched; waits for nothing.
    Status check() const;
    /// Waits until it has come past the event, and no further; says what failed since the last time.
    Status wait_for(const Event& event);
    /// Waits until all of it is done; says what failed since the last time.
    Status synchronize();

    void* handle = nullptr;  ///< the runtime's
};

}  // namespace pitwall::cuda
