// SPDX-License-Identifier: GPL-3.0-or-later
//
// runtime.h where kernels are emulated. Nothing happens before it has to: a result read too early is still poison.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <new>
#include <utility>
#include <vector>

#include "engine/exec/cuda/emulator/memcheck.h"
#include "engine/exec/cuda/plugin/variables.h"
#include "engine/exec/cuda/runtime/host_stream.h"
#include "engine/exec/cuda/runtime/launch_text.h"
#include "engine/exec/cuda/runtime/lost_devices.h"

namespace pitwall::cuda {
namespace {

constexpr std::align_val_t kAlignment{256};  ///< cudaMalloc's
constexpr int kPoison = 0xff;                ///< NaN in every format
constexpr uint64_t kMemoryBytes = uint64_t{16} << 30;

thread_local uint32_t used_device = 0;  ///< by this thread

/// What is not understood was refused when devices were listed.
uint32_t device_count() {
    const auto given = emulated_devices();
    return given.ok() ? given.value() : 1;
}

using Moment = std::chrono::steady_clock::time_point;
using WorkList = std::vector<HostWork>;

struct StreamState {
    uint32_t device = 0;
    bool launches_checked = false;  ///< PITWALL_CUDA_CHECK
    std::deque<HostWork> waiting;
    std::vector<const void*> passed;  ///< events, since the last wait
    bool capturing = false;
    WorkList captured;
    Status failed;  ///< the first launch of those since it was last asked
};

StreamState& state_of(Stream& stream) { return *static_cast<StreamState*>(stream.handle); }

/// The orders of threads in a run; PITWALL_SEED, which storms take too, begins with others. Each device has its own, so that what
/// the others do in the meantime changes none.
uint64_t next_seed(uint32_t device) {
    static const auto given = emulator_seed();
    static std::array<std::atomic<uint64_t>, kMostEmulatedDevices> taken{};
    const uint64_t first = given.ok() ? given.value() : 1;
    return first + taken[device]++;
}

LostDevices& lost_devices() {
    static LostDevices lost;
    return lost;
}

void lose_device(uint32_t index) {
    lost_devices().add(index, {"the device was lost: emulated fault", "start again, or use --device cpu"});
}

/// Whether a fault was asked for; it comes once. Only read where there is none: several threads ask.
bool take(bool& fault) { return fault && std::exchange(fault, false); }

/// The next number of PITWALL_EMULATED_LOSS; 0: there is none.
uint32_t next_given_loss() {
    static const auto losses = emulated_losses();
    static size_t next = 0;
    if (!losses.ok() || next == losses.value().size()) return 0;
    return static_cast<uint32_t>(losses.value()[next++]);
}

}  // namespace

HostLimits& host_limits() {
    static HostLimits limits;
    return limits;
}

HostFaults& host_faults() {
    static HostFaults faults{.plans_until_lost = next_given_loss()};
    return faults;
}

Status device_status(uint32_t index) {
    if (index == host_faults().device && take(host_faults().device_lost)) lose_device(index);
    return lost_devices().status(index);
}

Status reset_device(uint32_t index) {
    const bool faulty = index == host_faults().device;
    if (faulty && host_faults().resets_fail)
        return Error{"the device cannot be reset: emulated fault", "use --device cpu"};
    lost_devices().remove(index);
    if (faulty) host_faults().plans_until_lost = next_given_loss();
    return {};
}

DeviceList list_devices() {
    DeviceProperties host;
    host.name = "Emulated GPU";
    host.compute_major = 9;
    host.multiprocessors = 4;
    host.memory_bytes = kMemoryBytes;
    host.l2_bytes = 32 << 20;
    host.max_shared_bytes = host_limits().max_shared_bytes;
    host.emulated = true;
    return {std::vector<DeviceProperties>(device_count(), host), {}};
}

Status use_device(uint32_t index) {
    if (index >= device_count())
        return Error{fmt::format("there is no device {}", index),
                     fmt::format("use 0 to {}", device_count() - 1)};
    used_device = index;
    return device_status(index);
}

uint64_t free_device_bytes() { return uint64_t{2} << 30; }

uint32_t max_shared_bytes() { return host_limits().max_shared_bytes; }

bool kernels_overlap() { return false; }

Result<std::byte*> allocate_memory(MemoryPlace, uint64_t bytes, const char* what) {
    const Error short_of{fmt::format("{} of {} bytes does not fit the device", what, bytes),
                         "give it less memory, or choose a smaller model"};
    if (Status status = device_status(used_device); !status.ok()) return status.error();
    const bool fails = host_faults().allocations_fail && used_device == host_faults().device;
    if (fails || bytes > kMemoryBytes) return short_of;
    auto* data = static_cast<std::byte*>(::operator new(bytes, kAlignment, std::nothrow));
    if (!data) return short_of;
    constexpr uint64_t kMostPoison = 256 << 20;  // fresh pages beyond are not touched before they are used
    std::memset(data, kPoison, std::min(bytes, kMostPoison));
    emulator::mark_unwritten(data, bytes);
    return data;
}

void free_memory(MemoryPlace, std::byte* data) { ::operator delete(data, kAlignment); }

void release_event(void* event) { delete static_cast<Moment*>(event); }
void release_capture(void* capture) { delete static_cast<WorkList*>(capture); }
void release_graph(void* graph) { delete static_cast<WorkList*>(graph); }
void release_stream(void* stream) { delete static_cast<StreamState*>(stream); }

Result<Event> Event::create() {
    Event event;
    event.handle = new Moment();
    return event;
}
int64_t Event::elapsed_ns(const Event& from, const Event& to) {
    return (*static_cast<Moment*>(to.handle) - *static_cast<Moment*>(from.handle)) /
           std::chrono::nanoseconds(1);
}

Result<Stream> Stream::create() {
    const auto checked = launches_checked_wanted();
    Stream stream;
    auto* const state = new StreamState();
    state->device = used_device;
    state->launches_checked = checked.ok() && checked.value();
    stream.handle = state;
    return stream;
}

void enqueue(Stream& stream, HostWork work) {
    StreamState& state = state_of(stream);
    if (state.capturing)
        state.captured.push_back(std::move(work));
    else
        state.waiting.push_back(std::move(work));
}

void Stream::copy_to_device(void* device, const void* host, uint64_t bytes) {
    copy_on_device(device, host, bytes);
}
void Stream::copy_to_host(void* host, const void* device, uint64_t bytes) {
    copy_on_device(host, device, bytes);
}
void Stream::copy_on_device(void* to, const void* from, uint64_t bytes) {
    if (bytes > 0) enqueue(*this, [=](uint64_t) { std::memmove(to, from, bytes); });
}
void Stream::fill(void* device, uint8_t byte, uint64_t bytes) {
    if (bytes > 0) enqueue(*this, [=](uint64_t) { std::memset(device, byte, bytes); });
}
void Stream::record(Event& event) {
    auto* moment = static_cast<Moment*>(event.handle);
    StreamState* const state = &state_of(*this);
    enqueue(*this, [moment, state](uint64_t) {
        *moment = std::chrono::steady_clock::now();
        state->passed.push_back(moment);
    });
}

Status Stream::begin_capture() {
    state_of(*this).capturing = true;
    return {};
}
Result<Capture> Stream::end_capture() {
    StreamState& state = state_of(*this);
    state.capturing = false;
    Capture capture;
    capture.handle = new WorkList(std::exchange(state.captured, {}));
    if (Status failed = std::exchange(state.failed, {}); !failed.ok()) return failed.error();
    return capture;
}

Result<Graph> make_ready(const Capture& capture) {
    if (host_faults().graphs_fail) return Error{"making a graph ready: emulated fault", ""};
    Graph graph;
    graph.handle = new WorkList(*static_cast<const WorkList*>(capture.handle));
    return graph;
}

RangeListener& range_listener() {
    static RangeListener listener;
    return listener;
}

ProfilerRange::ProfilerRange(const char* name) {
    if (range_listener()) range_listener()(name);
}
ProfilerRange::~ProfilerRange() {}

void Stream::launch(const Graph& graph) {
    for (const HostWork& work : *static_cast<const WorkList*>(graph.handle)) enqueue(*this, work);
}

namespace {

/// Does what waits until `enough` says so, or nothing waits any more.
template <class Enough>
Status work_off(StreamState& state, const Enough& enough) {
    Status status = device_status(state.device);
    if (state.device == host_faults().device && take(host_faults().next_wait_fails))
        status = Error{"the device failed: emulated fault", "try again"};
    if (!status.ok()) {
        state.waiting.clear();
        return status;
    }
    state.passed.clear();
    while (!state.waiting.empty() && !enough()) {
        const HostWork work = std::move(state.waiting.front());
        state.waiting.pop_front();
        work(next_seed(state.device));
    }
    return {};
}

/// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
bool takes(const LaunchShape& shape) {
    constexpr uint32_t kMostRows = 65535, kMostThreads = 1024;
    return shape.shared_bytes <= max_shared_bytes() && shape.threads <= kMostThreads &&
           shape.y <= kMostRows && shape.z <= kMostRows && shape.x <= INT32_MAX;
}

/// What came of work, and of the launches before.
Status outcome(StreamState& state, Status done) {
    Status failed = std::exchange(state.failed, {});
    return failed.ok() ? std::move(done) : failed;
}

}  // namespace

void enqueue_launch(Stream& stream, const LaunchShape& shape, HostWork work) {
    StreamState& state = state_of(stream);
    Status failed;
    if (!takes(shape))
        failed = Error{"invalid argument", "use --device cpu"};
    else
        enqueue(stream, std::move(work));
    if (failed.ok() && state.launches_checked && !state.capturing)
        failed = work_off(state, [] { return false; });
    if (failed.ok() || !state.failed.ok()) return;
    state.failed = Error{fmt::format("{}: {}", text_of(shape), failed.error().what), failed.error().hint};
}

Status Stream::check() const {
    auto& state = *static_cast<StreamState*>(handle);
    return outcome(state, device_status(state.device));
}
Status Stream::wait_for(const Event& event) {
    StreamState& state = state_of(*this);
    uint32_t& plans = host_faults().plans_until_lost;
    if (state.device == host_faults().device && plans > 0 && --plans == 0) lose_device(state.device);
    const auto passed = [&] {
        return std::find(state.passed.begin(), state.passed.end(), event.handle) != state.passed.end();
    };
    return outcome(state, work_off(state, passed));
}
Status Stream::synchronize() {
    StreamState& state = state_of(*this);
    return outcome(state, work_off(state, [] { return false; }));
}

}  // namespace pitwall::cuda
