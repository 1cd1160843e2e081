// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "panels/kv_block_map/kv_pixels.h"

namespace pitwall::panels {

/// The figures beside the map, all from one pass over the pool.
struct KvCounts {
    uint64_t total = 0, free = 0, cached = 0;
    uint64_t held = 0;          ///< with one owner
    uint64_t shared = 0;        ///< with two owners or more
    uint64_t slots_filled = 0;  ///< token slots of held and shared blocks that hold a token
    uint64_t slots_held = 0;    ///< token slots of held and shared blocks
    std::array<uint64_t, KvColours::kBands> age{};   ///< blocks that are not free, by KvColours::age_band
    std::array<uint64_t, KvColours::kBands> fill{};  ///< held and shared blocks, by KvColours::fill_band
    /// Owner mode only: the most blocks first, requests of equal number by id; `owned_rest` are the others'.
    std::vector<std::pair<RequestId, uint64_t>> owners;
    uint64_t owned_rest = 0;

    double held_share() const { return total ? double(held + shared) / double(total) : 0; }
    /// Of the slots in held blocks; NaN where none is held.
    double slot_share() const;
};

KvCounts count_blocks(std::span<const telemetry::BlockRow> blocks, uint32_t block_tokens, int64_t now_ns,
                      size_t owners_wanted);

}  // namespace pitwall::panels
