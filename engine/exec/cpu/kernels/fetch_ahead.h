// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::engine {

/// As __builtin_prefetch() names the caches that memory is asked into. To the second more lines can be on their way at once: the first has 16
/// places for them, with which a core gets 10 GB/s where memory takes its time (Granite Rapids).
inline constexpr int kFirstLevel = 3, kSecondLevel = 2;

/// How far before its turn memory is asked for what passes by once.
struct FetchAhead {
    uint32_t weight_bytes;         ///< weights lie in the order in which they are read
    uint32_t weights_from_tokens;  ///< with fewer, asking only delays what is needed now
    uint32_t
        kv_tiles;  ///< of attention, each 64 positions of K and V, wherever their blocks lie; 0: they are not asked for

    uint32_t weights_for(uint32_t tokens) const { return tokens >= weights_from_tokens ? weight_bytes : 0; }
};

/// By the processor's maker, as measured on one of each against not asking, weights in Q4_1 and KV in f16. On Granite Rapids one token is
/// 1.6 to 1.8 times as fast, and attention that reads KV from memory 1.5 times on one core and 1.9 times on two. On Zen 4 (whose own
/// prefetching keeps memory busy) one token is 0.91 times as fast with it and sixteen 1.12 times; attention was not measured there.
FetchAhead fetch_ahead();

}  // namespace pitwall::engine
