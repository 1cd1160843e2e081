// SPDX-License-Identifier: GPL-3.0-or-later
//
// Valgrind's memcheck, where a test runs under it (scripts/test uninitialised), is told which bytes nobody has written, whatever
// poison is in them: then a read that decides something, or indexes a table, is an error at its line, also where NaN would
// have come to nothing. Its client requests are a few instructions without an effect elsewhere; a build without PITWALL_MEMCHECK
// has none.
#pragma once

#include <cstddef>

#if defined(PITWALL_MEMCHECK)
#include <valgrind/memcheck.h>

#include <vector>
#endif

namespace pitwall::cuda::emulator {

#if defined(PITWALL_MEMCHECK)
inline void mark_unwritten(const void* data, size_t bytes) { VALGRIND_MAKE_MEM_UNDEFINED(data, bytes); }
/// Whoever looks at it knows that it may be poison.
inline void mark_written(const void* data, size_t bytes) { VALGRIND_MAKE_MEM_DEFINED(data, bytes); }

/// Fibers' stacks, side by side, so that a switch to one of them is not taken for a stack that grew.
class KnownStacks {
  public:
    KnownStacks(std::byte* bottom, size_t bytes, size_t count) {
        for (size_t i = 0; i < count; ++i, bottom += bytes)
            ids_.push_back(VALGRIND_STACK_REGISTER(bottom, bottom + bytes - 1));
    }
    ~KnownStacks() {
        for (const unsigned id : ids_) VALGRIND_STACK_DEREGISTER(id);
    }
    KnownStacks(const KnownStacks&) = delete;
    KnownStacks& operator=(const KnownStacks&) = delete;

  private:
    std::vector<unsigned> ids_;
};
#else
inline void mark_unwritten(const void*, size_t) {}
inline void mark_written(const void*, size_t) {}

class KnownStacks {
  public:
    KnownStacks(std::byte*, size_t, size_t) {}
};
#endif

}  // namespace pitwall::cuda::emulator
