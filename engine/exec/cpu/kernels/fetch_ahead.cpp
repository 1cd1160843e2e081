// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/fetch_ahead.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pitwall::engine {

FetchAhead fetch_ahead() {
#if defined(__x86_64__)
    uint32_t a = 0, b = 0, c = 0, d = 0;
    const bool known = __get_cpuid(0, &a, &b, &c, &d) != 0;
    if (known && b == signature_INTEL_ebx && c == signature_INTEL_ecx && d == signature_INTEL_edx)
        return {.weight_bytes = 8192, .weights_from_tokens = 1, .kv_tiles = 2};
#endif
    return {.weight_bytes = 2048, .weights_from_tokens = 6, .kv_tiles = 0};
}

}  // namespace pitwall::engine
