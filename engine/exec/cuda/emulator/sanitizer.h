// SPDX-License-Identifier: GPL-3.0-or-later
//
// AddressSanitizer has to be told when the stack is another one, ThreadSanitizer when it is another fiber's, memcheck when it is a new
// one. To ThreadSanitizer each slot of FiberStacks is one fiber for good: what comes and goes are kernels, which return. Whoever
// switches is compiled without it (CMakeLists.txt), for what a function enters on one fiber it may not leave on another.
#pragma once

#include <cstddef>

#include "engine/exec/cuda/emulator/memcheck.h"

#if defined(__SANITIZE_ADDRESS__)
#define PITWALL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PITWALL_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(PITWALL_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(PITWALL_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace pitwall::cuda::emulator {

struct StackRange {
    const void* bottom = nullptr;
    size_t bytes = 0;
    void* fiber = nullptr;  ///< ThreadSanitizer's
};

#if defined(PITWALL_ADDRESS_SANITIZER)
/// Before the switch; `kept` null: this stack is not come back to.
inline void leave_stack(void** kept, const StackRange& to) {
    __sanitizer_start_switch_fiber(kept, to.bottom, to.bytes);
}
/// After it; `from`, where given, is where we came from.
inline void enter_stack(void* kept, StackRange* from) {
    const void* bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(kept, &bottom, &bytes);
    if (from) *from = {bottom, bytes, nullptr};
}
inline void forget_stack(const StackRange& stack) {
    __asan_unpoison_memory_region(stack.bottom, stack.bytes);
}
#elif defined(PITWALL_THREAD_SANITIZER)
inline void leave_stack(void**, const StackRange& to) { __tsan_switch_to_fiber(to.fiber, 0); }
inline void enter_stack(void*, StackRange*) {}
inline void forget_stack(const StackRange&) {}
#else
inline void leave_stack(void**, const StackRange&) {}
inline void enter_stack(void*, StackRange*) {}
/// What the thread before left below its end is nobody's.
inline void forget_stack(const StackRange& stack) { mark_unwritten(stack.bottom, stack.bytes); }
#endif

#if defined(PITWALL_THREAD_SANITIZER)
inline StackRange own_stack() { return {nullptr, 0, __tsan_get_current_fiber()}; }

/// Made when it is first asked for: a block seldom has as many threads as there may be.
class WatchedFiber {
  public:
    WatchedFiber() = default;
    ~WatchedFiber() {
        if (fiber_) __tsan_destroy_fiber(fiber_);
    }
    WatchedFiber(const WatchedFiber&) = delete;
    WatchedFiber& operator=(const WatchedFiber&) = delete;
    void* get() {
        if (!fiber_) fiber_ = __tsan_create_fiber(0);
        return fiber_;
    }

  private:
    void* fiber_ = nullptr;
};
#else
inline StackRange own_stack() { return {}; }

class WatchedFiber {
  public:
    static void* get() { return nullptr; }
};
#endif

}  // namespace pitwall::cuda::emulator
