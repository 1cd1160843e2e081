// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_counts.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace pitwall::panels {
namespace {

using telemetry::BlockRow;
using telemetry::BlockState;

void rank_owners(std::span<const BlockRow> blocks, size_t wanted, KvCounts& counts) {
    std::unordered_map<RequestId, uint64_t> owned;
    uint64_t* last = nullptr;
    RequestId last_owner = kNoRequest;
    for (const BlockRow& block : blocks) {
        if (block.state != BlockState::kHeld || block.owners > 1 || block.owner == kNoRequest) continue;
        if (!last || block.owner != last_owner)
            last = &owned[last_owner = block.owner];  // neighbours share an owner
        ++*last;
    }
    counts.owners.assign(owned.begin(), owned.end());
    std::sort(counts.owners.begin(), counts.owners.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : raw(a.first) < raw(b.first);
    });
    for (size_t i = wanted; i < counts.owners.size(); ++i) counts.owned_rest += counts.owners[i].second;
    counts.owners.resize(std::min(counts.owners.size(), wanted));
}

}  // namespace

double KvCounts::slot_share() const {
    return slots_held ? double(slots_filled) / double(slots_held) : std::numeric_limits<double>::quiet_NaN();
}

KvCounts count_blocks(std::span<const BlockRow> blocks, uint32_t block_tokens, int64_t now_ns,
                      size_t owners_wanted) {
    KvCounts c;
    c.total = blocks.size();
    for (const BlockRow& block : blocks) {
        if (block.state == BlockState::kFree) {
            ++c.free;
            continue;
        }
        ++c.age[static_cast<size_t>(KvColours::age_band(block, now_ns))];
        if (block.state == BlockState::kCached) {
            ++c.cached;
            continue;
        }
        ++(block.owners > 1 ? c.shared : c.held);
        c.slots_held += block_tokens;
        c.slots_filled += std::min<uint32_t>(block.filled_tokens, block_tokens);
        ++c.fill[static_cast<size_t>(KvColours::fill_band(block, block_tokens))];
    }
    if (owners_wanted) rank_owners(blocks, owners_wanted, c);
    return c;
}

}  // namespace pitwall::panels
