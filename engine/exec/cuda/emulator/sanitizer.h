// SPDX-License-Identifier: GPL-3.0-or-later
//
// AddressSanitizer has to be told when the stack is another one, memcheck when it is a new one.
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
#endif

namespace pitwall::cuda::emulator {

struct StackRange {
    const void* bottom = nullptr;
    size_t bytes = 0;
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
    if (from) *from = {bottom, bytes};
}
inline void forget_stack(const StackRange& stack) {
    __asan_unpoison_memory_region(stack.bottom, stack.bytes);
}
#else
inline void leave_stack(void**, const StackRange&) {}
inline void enter_stack(void*, StackRange*) {}
/// What the thread before left below its end is nobody's.
inline void forget_stack(const StackRange& stack) { mark_unwritten(stack.bottom, stack.bytes); }
#endif

}  // namespace pitwall::cuda::emulator
