// SPDX-License-Identifier: GPL-3.0-or-later
//
// runtime.h over the CUDA runtime, which is linked statically and finds the driver when it is first asked.
#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "engine/exec/cuda/plugin/variables.h"
#include "engine/exec/cuda/runtime/built_code.h"
#include "engine/exec/cuda/runtime/failed_launch.h"
#include "engine/exec/cuda/runtime/launch_shape.h"
#include "engine/exec/cuda/runtime/lost_devices.h"
#include "engine/exec/cuda/runtime/no_device.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {
namespace {

thread_local uint32_t used_device = 0;  ///< by this thread

LostDevices& lost_devices() {
    static LostDevices lost;
    return lost;
}

cudaStream_t stream_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle); }

/// After these nothing works in the process's context on the device ("CUDA Runtime API", cudaError): what a kernel did, what
/// became of the hardware, a driver that was replaced.
bool is_for_good(cudaError_t code) {
    switch (code) {
        case cudaErrorIllegalAddress:
        case cudaErrorIllegalInstruction:
        case cudaErrorMisalignedAddress:
        case cudaErrorInvalidAddressSpace:
        case cudaErrorInvalidPc:
        case cudaErrorHardwareStackError:
        case cudaErrorAssert:
        case cudaErrorLaunchFailure:
        case cudaErrorLaunchTimeout:
        case cudaErrorECCUncorrectable:
        case cudaErrorNvlinkUncorrectable:
        case cudaErrorContained:
        case cudaErrorExternalDevice:
        case cudaErrorContextIsDestroyed:
        case cudaErrorDeviceUninitialized:
        case cudaErrorNoDevice:
        case cudaErrorMpsClientTerminated:
        case cudaErrorSystemDriverMismatch:
            return true;
        default:
            return false;
    }
}

Error failure(const char* doing, cudaError_t code) {
    const char* hint = "see the driver's log (dmesg), or use --device cpu";
    if (code == cudaErrorMemoryAllocation) hint = "give it less memory, or choose a smaller model";
    Error error{fmt::format("{}: {} ({})", doing, cudaGetErrorString(code), cudaGetErrorName(code)), hint};
    if (is_for_good(code)) lost_devices().add(used_device, error);
    (void)cudaGetLastError();  // it is told now: no later step fails over it
    return error;
}

/// A call whose failure the next synchronize() tells: the runtime keeps it.
void later(cudaError_t) {}

/// None where the driver does not tell them.
std::optional<DeviceProperties> properties_of(int index) {
    cudaDeviceProp p{};
    if (cudaGetDeviceProperties(&p, index) != cudaSuccess) {
        (void)cudaGetLastError();
        return std::nullopt;
    }
    DeviceProperties out;
    out.name = p.name;
    char bus_id[32] = "";
    if (cudaDeviceGetPCIBusId(bus_id, sizeof bus_id, index) == cudaSuccess) out.pci_bus_id = bus_id;
    (void)cudaGetLastError();
    out.max_shared_bytes = static_cast<uint32_t>(p.sharedMemPerBlockOptin);
    out.compute_major = static_cast<uint32_t>(p.major);
    out.compute_minor = static_cast<uint32_t>(p.minor);
    out.multiprocessors = static_cast<uint32_t>(p.multiProcessorCount);
    out.memory_bytes = p.totalGlobalMem;
    out.l2_bytes = static_cast<uint64_t>(p.l2CacheSize);
    out.has_code = runs_on(PITWALL_CUDA_CODE, out.compute_major, out.compute_minor);
    return out;
}

/// Keeps its place, so that the others have their numbers; nothing runs on it.
DeviceProperties unknown_device() {
    DeviceProperties out;
    out.name = "a GPU that its driver does not describe";
    out.has_code = false;
    return out;
}

}  // namespace

bool kernels_overlap() {
    static const bool overlap = [] {
        const auto wanted = overlap_wanted();  // what is not understood was refused when devices were listed
        int device = 0, major = 0;
        return wanted.ok() && wanted.value() && cudaGetDevice(&device) == cudaSuccess &&
               cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
               major >= 9;
    }();
    return overlap;
}

DeviceList list_devices() {
    DeviceList list;
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    (void)cudaGetLastError();
    for (int i = 0; code == cudaSuccess && i < count; ++i)
        list.devices.push_back(properties_of(i).value_or(unknown_device()));
    const auto known = [](const DeviceProperties& device) { return device.compute_major > 0; };
    if (std::any_of(list.devices.begin(), list.devices.end(), known)) return list;
    list.devices.clear();
    DriverAnswer answer;
    if (cudaDriverGetVersion(&answer.driver_version) != cudaSuccess) answer.driver_version = 0;
    (void)cudaRuntimeGetVersion(&answer.runtime_version);
    if (code != cudaSuccess && code != cudaErrorNoDevice) answer.error = cudaGetErrorString(code);
    answer.devices = code == cudaSuccess ? count : 0;
    list.why_none = reason_for_no_device(answer);
    return list;
}

Status use_device(uint32_t index) {
    used_device = index;
    if (const cudaError_t code = cudaSetDevice(static_cast<int>(index)); code != cudaSuccess)
        return failure("choosing the device", code);
    return {};
}

Status device_status(uint32_t index) { return lost_devices().status(index); }

Status reset_device(uint32_t index) {
    used_device = index;
    // Either may say again what was lost. Only what comes afterwards tells whether the driver allows a new beginning.
    (void)cudaSetDevice(static_cast<int>(index));
    (void)cudaDeviceReset();
    (void)cudaGetLastError();
    if (const cudaError_t now = cudaFree(nullptr); now != cudaSuccess)
        return failure("resetting the device", now);
    forget_launches(static_cast<int>(index));
    lost_devices().remove(index);
    return {};
}

uint64_t free_device_bytes() {
    size_t free = 0, total = 0;
    later(cudaMemGetInfo(&free, &total));
    return free;
}

uint32_t max_shared_bytes() {
    constexpr size_t kKnown = 64;
    static std::array<std::atomic<uint32_t>, kKnown> known{};
    const uint32_t device = used_device;
    if (device < kKnown && known[device] != 0) return known[device];
    int bytes = 0;
    later(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, static_cast<int>(device)));
    if (device < kKnown) known[device] = static_cast<uint32_t>(bytes);
    return static_cast<uint32_t>(bytes);
}

Result<std::byte*> allocate_memory(MemoryPlace place, uint64_t bytes, const char* what) {
    void* data = nullptr;
    const bool on_device = place == MemoryPlace::kDevice;
    const cudaError_t code = on_device ? cudaMalloc(&data, bytes) : cudaMallocHost(&data, bytes);
    if (code == cudaSuccess) return static_cast<std::byte*>(data);
    return failure(fmt::format("{} of {}{} bytes", what, bytes, on_device ? "" : " pinned").c_str(), code);
}

void free_memory(MemoryPlace place, std::byte* data) {
    later(place == MemoryPlace::kDevice ? cudaFree(data) : cudaFreeHost(data));
}

void release_event(void* event) { later(cudaEventDestroy(static_cast<cudaEvent_t>(event))); }
void release_capture(void* capture) { later(cudaGraphDestroy(static_cast<cudaGraph_t>(capture))); }
void release_graph(void* graph) { later(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph))); }
void release_stream(void* stream) { later(cudaStreamDestroy(static_cast<cudaStream_t>(stream))); }

Result<Event> Event::create() {
    cudaEvent_t event{};
    if (const cudaError_t code = cudaEventCreate(&event); code != cudaSuccess)
        return failure("creating an event", code);
    Event made;
    made.handle = event;
    return made;
}
int64_t Event::elapsed_ns(const Event& from, const Event& to) {
    float ms = 0;
    later(cudaEventElapsedTime(&ms, static_cast<cudaEvent_t>(from.handle),
                               static_cast<cudaEvent_t>(to.handle)));
    return static_cast<int64_t>(static_cast<double>(ms) * 1e6);
}

Result<Stream> Stream::create() {
    const auto checked = launches_checked_wanted();
    check_launches(checked.ok() && checked.value());
    cudaStream_t stream{};
    if (const cudaError_t code = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        code != cudaSuccess)
        return failure("creating a stream", code);
    Stream made;
    made.handle = stream;
    return made;
}

namespace {

/// Of no bytes the addresses may be null, which CUDA need not take.
void copy(const Stream& stream, void* to, const void* from, uint64_t bytes, cudaMemcpyKind kind) {
    if (bytes > 0) later(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream)));
}

}  // namespace

void Stream::copy_to_device(void* device, const void* host, uint64_t bytes) {
    copy(*this, device, host, bytes, cudaMemcpyHostToDevice);
}
void Stream::copy_to_host(void* host, const void* device, uint64_t bytes) {
    copy(*this, host, device, bytes, cudaMemcpyDeviceToHost);
}
void Stream::copy_on_device(void* to, const void* from, uint64_t bytes) {
    copy(*this, to, from, bytes, cudaMemcpyDeviceToDevice);
}
void Stream::fill(void* device, uint8_t byte, uint64_t bytes) {
    if (bytes > 0) later(cudaMemsetAsync(device, byte, bytes, stream_of(*this)));
}
void Stream::record(Event& event) {
    later(cudaEventRecord(static_cast<cudaEvent_t>(event.handle), stream_of(*this)));
}

ProfilerRange::ProfilerRange(const char* name) { nvtxRangePushA(name); }
ProfilerRange::~ProfilerRange() { nvtxRangePop(); }

Status Stream::begin_capture() {
    const cudaError_t begun = cudaStreamBeginCapture(stream_of(*this), cudaStreamCaptureModeThreadLocal);
    return begun == cudaSuccess ? Status() : failure("capturing a graph", begun);
}
Result<Capture> Stream::end_capture() {
    cudaGraph_t captured{};
    const cudaError_t ended = cudaStreamEndCapture(stream_of(*this), &captured);
    const cudaError_t refused = cudaGetLastError();  // a launch that the graph lacks
    const FailedLaunch launch = take_failed_launch();
    if (ended != cudaSuccess) return failure("capturing a graph", ended);
    Capture capture;
    capture.handle = captured;
    if (launch.code != cudaSuccess) return failure(launch.what.c_str(), launch.code);
    if (refused != cudaSuccess) return failure("capturing a graph", refused);
    return capture;
}

Result<Graph> make_ready(const Capture& capture) {
    cudaGraphExec_t ready{};
    cudaError_t made = cudaGraphInstantiate(&ready, static_cast<cudaGraph_t>(capture.handle), 0);
    if (made != cudaSuccess) return failure("making a graph ready", made);
    Graph graph;
    graph.handle = ready;
    // What the first launch would do on its way otherwise.
    auto stream = Stream::create();
    if (!stream.ok()) return stream.error();
    made = cudaGraphUpload(ready, stream_of(stream.value()));
    if (made == cudaSuccess) made = cudaStreamSynchronize(stream_of(stream.value()));
    if (made != cudaSuccess) return failure("making a graph ready", made);
    return graph;
}

void Stream::launch(const Graph& graph) {
    later(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph.handle), stream_of(*this)));
}

namespace {

/// Whether a harmless question still gets an answer: what the list of is_for_good() lacks shows here.
bool answers(const Stream& stream) {
    const cudaError_t code = cudaStreamQuery(stream_of(stream));
    (void)cudaGetLastError();
    return code == cudaSuccess || code == cudaErrorNotReady;
}

Status outcome(const Stream& stream, cudaError_t done) {
    const cudaError_t before = cudaGetLastError();
    const FailedLaunch launch = take_failed_launch();
    if (done == cudaSuccess && before == cudaSuccess && launch.code == cudaSuccess) return {};
    Error error = launch.code != cudaSuccess ? failure(launch.what.c_str(), launch.code)
                  : done != cudaSuccess      ? failure("the device failed", done)
                                             : failure("a call failed", before);
    if (!answers(stream)) lost_devices().add(used_device, error);
    return error;
}

}  // namespace

Status Stream::check() const { return outcome(*this, cudaSuccess); }
Status Stream::wait_for(const Event& event) {
    return outcome(*this, cudaEventSynchronize(static_cast<cudaEvent_t>(event.handle)));
}
Status Stream::synchronize() { return outcome(*this, cudaStreamSynchronize(stream_of(*this))); }

}  // namespace pitwall::cuda
