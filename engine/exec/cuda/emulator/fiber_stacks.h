// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/mman.h>

#include <array>
#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <cstdint>
#include <new>

#include "engine/exec/cuda/emulator/memcheck.h"
#include "engine/exec/cuda/emulator/sanitizer.h"

namespace pitwall::cuda::emulator {

/// Stacks of a block's threads, kept from block to block; pages that no thread touched cost nothing.
class FiberStacks {
  public:
    static constexpr size_t kBytes = 256 << 10;
    static constexpr uint32_t kMost = 1024;  ///< threads of a block, as on a GPU

    FiberStacks() : memory_(mapped()), known_(bottom(0), kBytes, kMost) {}
    ~FiberStacks() { ::munmap(memory_, kBytes * kMost); }
    FiberStacks(const FiberStacks&) = delete;
    FiberStacks& operator=(const FiberStacks&) = delete;

    std::byte* bottom(uint32_t thread) const { return static_cast<std::byte*>(memory_) + thread * kBytes; }
    StackRange range(uint32_t thread) { return {bottom(thread), kBytes, fibers_[thread].get()}; }

    /// What Boost.Context asks a stack from.
    struct Slot {
        std::byte* bottom;
        boost::context::stack_context allocate() const {
            boost::context::stack_context context;
            context.size = kBytes;
            context.sp = bottom + kBytes;
            return context;
        }
        void deallocate(boost::context::stack_context&) const {}
    };

  private:
    static void* mapped() {
        void* const memory = ::mmap(nullptr, kBytes * kMost, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        return memory;
    }

    void* memory_;
    KnownStacks known_;                       ///< to memcheck
    std::array<WatchedFiber, kMost> fibers_;  ///< to ThreadSanitizer
};

}  // namespace pitwall::cuda::emulator
