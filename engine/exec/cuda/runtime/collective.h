// SPDX-License-Identifier: GPL-3.0-or-later
//
// What several devices of one process do together. Each is a rank, with a thread and a stream of its own. collective_cuda.cpp
// finds NCCL when it is first wanted; collective_host.cpp lets emulated devices meet. A program links one of the two, and needs
// neither library nor driver to start.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

void release_collective(void* collective);

/// PITWALL_NCCL=off.
inline Error collectives_are_off() {
    return {"NCCL is turned off by PITWALL_NCCL=off in the environment", "unset that, or use one GPU"};
}

/// A rank's end. What it is asked for every rank has to ask for, in the same order and with the same count: it waits in the
/// stream, like a kernel, until all have come to it. Never kept for a graph.
class Collective : public Handle<release_collective> {
  public:
    /// One for each of these devices, in their order; rank 0 is the first. The error says where NCCL was looked for:
    /// PITWALL_NCCL=FILE: there alone; =off: nowhere.
    static Result<std::vector<Collective>> connect(std::span<const uint32_t> devices);
    /// "NCCL 2.28.9"
    static Result<std::string> library_name();

    /// `all` [ranks, count]: each rank has filled in its own row, and gets those of the others.
    void gather(Stream& stream, float* all, uint64_t count);
    /// Each of `data` [count] becomes the sum over all ranks, with the same bits on all of them. The order of additions may depend
    /// on `count`.
    void sum(Stream& stream, float* data, uint64_t count);
    /// `data` [count] becomes what it is on rank 0.
    void broadcast(Stream& stream, int32_t* data, uint64_t count);

    /// How often it was asked so far.
    uint64_t asked() const;
    /// What could not be asked, since this was last called. Others may wait for it without end.
    Status take_failure();
    /// Lets everything go that waits for other ranks; its results are undefined, and nothing can be asked of it any more. Any thread,
    /// while its own only waits.
    void abort();
};

}  // namespace pitwall::cuda
