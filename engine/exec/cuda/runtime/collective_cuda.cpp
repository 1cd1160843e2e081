// SPDX-License-Identifier: GPL-3.0-or-later
//
// collective.h over NCCL, of which nothing is needed to build: the few functions are declared here, as nccl.h of its version 2 has
// them. NCCL manual, "Managing Multiple GPUs from a single process".
#include <dlfcn.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <utility>

#include "engine/exec/cuda/runtime/collective.h"
#include "telemetry/base/environment.h"

namespace pitwall::cuda {
namespace {

using Communicator = void*;              ///< ncclComm_t
constexpr int kSuccess = 0;              ///< of ncclResult_t
constexpr int kInt32 = 2, kFloat32 = 7;  ///< of ncclDataType_t
constexpr int kSum = 0;                  ///< of ncclRedOp_t

/// What is called of it. A stream is a cudaStream_t.
struct Functions {
    int (*version)(int* version);
    const char* (*error_text)(int result);
    int (*connect_all)(Communicator* communicators, int count, const int* devices);
    int (*destroy)(Communicator communicator);
    int (*abort)(Communicator communicator);
    int (*all_gather)(const void* from, void* to, size_t count, int type, Communicator, void* stream);
    int (*all_reduce)(const void* from, void* to, size_t count, int type, int op, Communicator, void* stream);
    int (*broadcast)(const void* from, void* to, size_t count, int type, int root, Communicator,
                     void* stream);
};

template <class Function>
bool find(void* file, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(file, name));
    return function != nullptr;
}

bool find_all(void* file, Functions& f) {
    return find(file, "ncclGetVersion", f.version) && find(file, "ncclGetErrorString", f.error_text) &&
           find(file, "ncclCommInitAll", f.connect_all) && find(file, "ncclCommDestroy", f.destroy) &&
           find(file, "ncclCommAbort", f.abort) && find(file, "ncclAllGather", f.all_gather) &&
           find(file, "ncclAllReduce", f.all_reduce) && find(file, "ncclBroadcast", f.broadcast);
}

/// Never closed, as its threads may outlive whoever used it.
Result<Functions> open_library() {
    const std::string given = environment_text("PITWALL_NCCL"),
                      place = given.empty() ? "libnccl.so.2" : given;
    const char* const hint = "install NCCL (libnccl2), name its file in PITWALL_NCCL, or use one GPU";
    if (given == "off") return collectives_are_off();
    void* const file = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!file) return Error{fmt::format("NCCL is not found: {}", ::dlerror()), hint};
    Functions functions{};
    if (!find_all(file, functions)) return Error{fmt::format("{} is no NCCL", place), hint};
    return functions;
}

struct NcclRank {
    Functions call{};
    std::atomic<Communicator> communicator = nullptr;  ///< the rank's thread reads it while another aborts
    uint32_t rank = 0;
    uint64_t asked = 0;
    Status failure;
};

NcclRank& rank_of(const Collective& collective) { return *static_cast<NcclRank*>(collective.handle); }

void note(NcclRank& own, int result) {
    ++own.asked;
    if (result == kSuccess || !own.failure.ok()) return;
    own.failure = Error{fmt::format("NCCL says: {}", own.call.error_text(result)),
                        "start again with NCCL_DEBUG=WARN to see more, or use one GPU"};
}

}  // namespace

void release_collective(void* collective) {
    const std::unique_ptr<NcclRank> own(static_cast<NcclRank*>(collective));
    if (Communicator const communicator = own->communicator) (void)own->call.destroy(communicator);
}

Result<std::vector<Collective>> Collective::connect(std::span<const uint32_t> devices) {
    const auto library = open_library();
    if (!library.ok()) return library.error();
    const std::vector<int> indices(devices.begin(), devices.end());
    std::vector<Communicator> communicators(devices.size());
    const int result =
        library.value().connect_all(communicators.data(), static_cast<int>(indices.size()), indices.data());
    if (result != kSuccess)
        return Error{fmt::format("NCCL does not connect the GPUs: {}", library.value().error_text(result)),
                     "start again with NCCL_DEBUG=WARN to see why, or use one GPU"};
    std::vector<Collective> ranks(devices.size());
    for (uint32_t rank = 0; rank < ranks.size(); ++rank)
        ranks[rank].handle = new NcclRank{library.value(), communicators[rank], rank, 0, {}};
    return ranks;
}

/// Its version is 10000 major + 100 minor + patch.
Result<std::string> Collective::library_name() {
    const auto library = open_library();
    if (!library.ok()) return library.error();
    int version = 0;
    if (const int result = library.value().version(&version); result != kSuccess)
        return Error{fmt::format("NCCL says: {}", library.value().error_text(result)), ""};
    return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

void Collective::gather(Stream& stream, float* all, uint64_t count) {
    NcclRank& own = rank_of(*this);
    note(own,
         own.call.all_gather(all + own.rank * count, all, count, kFloat32, own.communicator, stream.handle));
}
void Collective::sum(Stream& stream, float* data, uint64_t count) {
    NcclRank& own = rank_of(*this);
    note(own, own.call.all_reduce(data, data, count, kFloat32, kSum, own.communicator, stream.handle));
}
void Collective::broadcast(Stream& stream, int32_t* data, uint64_t count) {
    NcclRank& own = rank_of(*this);
    note(own, own.call.broadcast(data, data, count, kInt32, 0, own.communicator, stream.handle));
}

uint64_t Collective::asked() const { return rank_of(*this).asked; }
Status Collective::take_failure() { return std::exchange(rank_of(*this).failure, {}); }
void Collective::abort() {
    NcclRank& own = rank_of(*this);
    if (Communicator const communicator = own.communicator.exchange(nullptr))
        (void)own.call.abort(communicator);
}

}  // namespace pitwall::cuda
