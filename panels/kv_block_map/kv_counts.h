// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

enum class KvMode { kState, kOwner, kAge, kFill, kPrecision };
/// Each KvDtype, and last whatever else a damaged recording tells.
inline constexpr size_t kKvFormats = static_cast<size_t>(telemetry::KvDtype::kCount) + 1;
inline constexpr int kKvBands = 5;  ///< of age, of cached blocks' order of eviction, of fill

/// What a block looks like in a mode, as one byte: a million blocks are looked at ten times a second.
enum KvClass : uint8_t {
    kKvFree,
    kKvHeld,
    kKvShared,
    kKvCached,                         ///< and the four after it: from the newest to the next one out
    kKvAge = kKvCached + kKvBands,     ///< and the four after it: see kKvAgeNs
    kKvFill = kKvAge + kKvBands,       ///< and the four after it: full, 3/4 and more, 1/2, 1/4, less
    kKvFormat = kKvFill + kKvBands,    ///< and those after it: a KvDtype each, and an unknown one
    kKvMine = kKvFormat + kKvFormats,  ///< of the selected request, in state mode
    kKvClasses
};

/// Upper ends of the first four bands of age; what is older is in the fifth.
inline constexpr std::array<int64_t, kKvBands - 1> kKvAgeNs = {1'000'000'000, 10'000'000'000, 60'000'000'000,
                                                               600'000'000'000};

/// The figures beside the map.
struct KvCounts {
    uint64_t total = 0, free = 0, cached = 0;
    uint64_t held = 0;                           ///< with one owner
    uint64_t shared = 0;                         ///< with two owners or more
    uint64_t slots_filled = 0;                   ///< token slots of held and shared blocks that hold a token
    uint64_t slots_held = 0;                     ///< token slots of held and shared blocks
    std::array<uint64_t, kKvBands> age{};        ///< age mode: blocks that are not free
    std::array<uint64_t, kKvBands> fill{};       ///< fill mode: held and shared blocks
    std::array<uint64_t, kKvFormats> formats{};  ///< precision mode: blocks that are not free
    /// Owner mode: the most blocks first, requests of equal number by id; `owned_rest` are the others'.
    std::vector<std::pair<RequestId, uint64_t>> owners;
    uint64_t owned_rest = 0;

    double held_share() const { return total ? double(held + shared) / double(total) : 0; }
    /// Of the slots in held blocks; NaN where none is held.
    double slot_share() const;
};

/// Looks at every block once: its class into `classes`, and the counts. `owners_wanted` are ranked in owner mode.
KvCounts classify_blocks(KvMode mode, std::span<const telemetry::BlockRow> blocks, uint32_t block_tokens,
                         int64_t now_ns, size_t owners_wanted, std::vector<uint8_t>& classes);

}  // namespace pitwall::panels
