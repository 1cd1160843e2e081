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
#include <string>
#include <utility>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::cuda {

struct DeviceProperties {
    std::string name;                               ///< "NVIDIA H200"
    std::string pci_bus_id;                         ///< "0000:3b:00.0"; "" of an emulated one
    uint32_t compute_major = 0, compute_minor = 0;  ///< 9, 0
    uint32_t multiprocessors = 1;
    uint64_t memory_bytes = 0, l2_bytes = 0;
    uint32_t max_shared_bytes = 0;  ///< of a block
    bool emulated = false;
    bool has_code = true;  ///< the kernels were built for GPUs of its kind
};

/// Empty, with a reason in `why_none` and what to do about it, where there is no driver or no device.
struct DeviceList {
    std::vector<DeviceProperties> devices;
    Error why_none;
};
DeviceList list_devices();
/// Everything below belongs to this device from now on, on this thread.
Status use_device(uint32_t index);

/// An error: the device failed for good, and why. No call to it works any more before it is reset.
Status device_status(uint32_t index);
/// Throws away all that this process has on the device; nobody here may use it. Then it can be used anew, or the error says
/// why not.
Status reset_device(uint32_t index);

uint64_t free_device_bytes();
/// Shared memory that a block can have, on the device that this thread uses.
uint32_t max_shared_bytes();

/// Whether a kernel may come up while the one before it in the stream ends: what it has to wait for, begin_kernel() waits for.
/// PITWALL_CUDA_OVERLAP=on, on GPUs of compute capability 9.0 and above: off until a GPU has shown what it gains.
bool kernels_overlap();

enum class MemoryPlace : uint8_t { kDevice, kPinned };
/// `what` is named where memory is short: "the KV cache". The contents are undefined.
Result<std::byte*> allocate_memory(MemoryPlace place, uint64_t bytes, const char* what);
void free_memory(MemoryPlace place, std::byte* data);

/// Bytes that it owns.
template <MemoryPlace kPlace>
class Memory {
  public:
    Memory() = default;
    ~Memory() {
        if (data_) free_memory(kPlace, data_);
    }
    Memory(Memory&& other) noexcept { *this = std::move(other); }
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }

    static Result<Memory> allocate(uint64_t bytes, const char* what) {
        Memory memory;
        if (bytes == 0) return memory;
        auto data = allocate_memory(kPlace, bytes, what);
        if (!data.ok()) return data.error();
        memory.data_ = data.value();
        memory.bytes_ = bytes;
        return memory;
    }
    /// So many bytes in place of what there was, which goes when they are there; nothing in flight may use it.
    Status replace(uint64_t bytes, const char* what) {
        auto memory = allocate(bytes, what);
        if (!memory.ok()) return memory.error();
        *this = std::move(memory).value();
        return {};
    }

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
using DeviceMemory = Memory<MemoryPlace::kDevice>;
/// Host memory that the device reads and writes by itself while the host goes on.
using PinnedMemory = Memory<MemoryPlace::kPinned>;

/// Something of the runtime's, given back by kRelease.
template <void (*kRelease)(void*)>
class Handle {
  public:
    Handle() = default;
    ~Handle() {
        if (handle) kRelease(handle);
    }
    Handle(Handle&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(handle, other.handle);
        return *this;
    }

    void* handle = nullptr;
};
void release_event(void* event);
void release_capture(void* capture);
void release_graph(void* graph);
void release_stream(void* stream);

/// A moment in a stream.
class Event : public Handle<release_event> {
  public:
    static Result<Event> create();
    /// Both have been passed.
    static int64_t elapsed_ns(const Event& from, const Event& to);
};

/// A stretch of this thread's work under a name that NVIDIA's profilers show (NVTX).
class ProfilerRange {
  public:
    explicit ProfilerRange(const char* name);
    ~ProfilerRange();
    ProfilerRange(const ProfilerRange&) = delete;
    ProfilerRange& operator=(const ProfilerRange&) = delete;
};

/// Work that a stream was given to keep.
class Capture : public Handle<release_capture> {};
/// Work that was captured once and is launched as a whole.
class Graph : public Handle<release_graph> {};
/// Takes milliseconds; any thread that uses the device, while others go on.
Result<Graph> make_ready(const Capture& capture);

class Stream : public Handle<release_stream> {
  public:
    static Result<Stream> create();

    /// Host memory that takes part in a copy stays untouched until the stream has come past it.
    void copy_to_device(void* device, const void* host, uint64_t bytes);
    void copy_to_host(void* host, const void* device, uint64_t bytes);
    void copy_on_device(void* to, const void* from, uint64_t bytes);
    void fill(void* device, uint8_t byte, uint64_t bytes);
    void record(Event& event);

    /// What comes now is kept for a graph instead of done.
    Status begin_capture();
    Result<Capture> end_capture();
    void launch(const Graph& graph);

    /// Whether all that it was given since the last time could be launched; waits for nothing.
    Status check() const;
    /// Waits until it has come past the event, and no further; says what failed since the last time.
    Status wait_for(const Event& event);
    /// Waits until all of it is done; says what failed since the last time.
    Status synchronize();
};

}  // namespace pitwall::cuda
