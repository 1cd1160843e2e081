// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_counts.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace pitwall::panels {
namespace {

using telemetry::BlockRow;
using telemetry::BlockState;

using Thresholds = std::array<int64_t, kKvBands - 1>;

/// Times from which on a cached block is in the first, second, ... band. Every cached block of a small pool, an even
/// sample of a large one: these bands are for the eye.
Thresholds cached_thresholds(std::span<const BlockRow> blocks) {
    constexpr size_t kSample = 16384;
    const size_t stride = blocks.size() / kSample + 1;
    std::vector<int64_t> used;
    for (size_t i = 0; i < blocks.size(); i += stride)
        if (blocks[i].state == BlockState::kCached) used.push_back(blocks[i].used_ns);
    Thresholds out{};
    for (size_t band = 0; band < out.size() && !used.empty(); ++band) {
        const size_t at = used.size() * (kKvBands - 1 - band) / kKvBands;
        std::nth_element(used.begin(), used.begin() + static_cast<std::ptrdiff_t>(at), used.end());
        out[band] = used[at];
    }
    return out;
}

Thresholds age_thresholds(int64_t now_ns) {
    Thresholds out{};
    for (size_t band = 0; band < out.size(); ++band) out[band] = now_ns - kKvAgeNs[band] + 1;
    return out;
}

/// Band of fill by slots in use, for one look-up a block.
std::vector<uint8_t> fill_bands(uint32_t slots) {
    std::vector<uint8_t> bands(slots + 1);
    for (uint32_t filled = 0; filled < slots; ++filled)
        bands[filled] = static_cast<uint8_t>(4 - filled * 4 / slots);
    return bands;
}

constexpr size_t kStates = 8;  // free, held, cached, each with up to one owner and with more

/// No branch depends on a block: in a busy pool their states are as good as random, and every guess wrong.
struct Tally {
    std::array<uint64_t, kStates> states{};
    std::array<uint64_t, kKvClasses> classes{};
    uint64_t slots_filled = 0;
};

template <KvMode mode>
void tally(std::span<const BlockRow> blocks, uint32_t slots, const Thresholds& newer_than,
           std::vector<uint8_t>& classes, Tally& out) {
    const std::vector<uint8_t> bands = fill_bands(slots);
    // Class by state and owners, before the band is added, and whether a band is added at all.
    std::array<uint8_t, kStates> base = {kKvFree,   kKvFree,   kKvHeld, kKvShared,
                                         kKvCached, kKvCached, kKvFree, kKvFree};
    std::array<uint8_t, kStates> banded{};
    if constexpr (mode == KvMode::kState) banded[4] = banded[5] = 1;
    if constexpr (mode == KvMode::kAge)
        std::fill_n(base.begin() + 2, 4, uint8_t{kKvAge}), std::fill_n(banded.begin() + 2, 4, uint8_t{1});
    if constexpr (mode == KvMode::kFill) base[2] = base[3] = kKvFill, banded[2] = banded[3] = 1;
    if constexpr (mode == KvMode::kPrecision)
        std::fill_n(base.begin() + 2, 4, uint8_t{kKvFormat}), std::fill_n(banded.begin() + 2, 4, uint8_t{1});
    uint64_t filled_sum = 0;
    for (size_t i = 0; i < blocks.size(); ++i) {
        const BlockRow& b = blocks[i];
        const size_t state = (static_cast<size_t>(b.state) & 3) * 2 + (b.owners > 1);
        const uint32_t filled = std::min<uint32_t>(b.filled_tokens, slots);
        int band = 0;
        if constexpr (mode == KvMode::kFill) band = bands[filled];
        if constexpr (mode == KvMode::kPrecision)
            band = static_cast<int>(std::min(static_cast<size_t>(b.dtype), kKvFormats - 1));
        if constexpr (mode == KvMode::kState || mode == KvMode::kAge)
            for (const int64_t since : newer_than) band += b.used_ns < since;
        const auto found = static_cast<uint8_t>(base[state] + banded[state] * band);
        classes[i] = found;
        ++out.states[state];
        ++out.classes[found];
        filled_sum += uint64_t{filled} * (b.state == BlockState::kHeld);
    }
    out.slots_filled = filled_sum;
}

void rank_owners(std::span<const BlockRow> blocks, std::span<const uint8_t> classes, size_t wanted,
                 KvCounts& counts) {
    std::unordered_map<RequestId, uint64_t> owned;
    uint64_t* last = nullptr;
    RequestId last_owner = kNoRequest;
    for (size_t i = 0; i < blocks.size(); ++i) {
        if (classes[i] != kKvHeld || blocks[i].owner == kNoRequest) continue;
        if (!last || blocks[i].owner != last_owner)
            last = &owned[last_owner = blocks[i].owner];  // neighbours share one
        ++*last;
    }
    counts.owners.assign(owned.begin(), owned.end());
    std::sort(counts.owners.begin(), counts.owners.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : raw(a.first) < raw(b.first);
    });
    counts.owned_rest = counts.held;  // those that nobody is known to own included
    counts.owners.resize(std::min(counts.owners.size(), wanted));
    for (const auto& [request, n] : counts.owners) counts.owned_rest -= n;
}

}  // namespace

double KvCounts::slot_share() const {
    return slots_held ? double(slots_filled) / double(slots_held) : std::numeric_limits<double>::quiet_NaN();
}

KvCounts classify_blocks(KvMode mode, std::span<const BlockRow> blocks, uint32_t block_tokens, int64_t now_ns,
                         size_t owners_wanted, std::vector<uint8_t>& classes) {
    const uint32_t slots = std::clamp(block_tokens, 1u, 65'536u);
    classes.resize(blocks.size());
    Tally t;
    switch (mode) {
        case KvMode::kState:
            tally<KvMode::kState>(blocks, slots, cached_thresholds(blocks), classes, t);
            break;
        case KvMode::kOwner:
            tally<KvMode::kOwner>(blocks, slots, {}, classes, t);
            break;
        case KvMode::kAge:
            tally<KvMode::kAge>(blocks, slots, age_thresholds(now_ns), classes, t);
            break;
        case KvMode::kFill:
            tally<KvMode::kFill>(blocks, slots, {}, classes, t);
            break;
        case KvMode::kPrecision:
            tally<KvMode::kPrecision>(blocks, slots, {}, classes, t);
            break;
    }
    KvCounts c;
    c.total = blocks.size();
    c.held = t.states[2];
    c.shared = t.states[3];
    c.cached = t.states[4] + t.states[5];
    c.free = c.total - c.held - c.shared - c.cached;
    c.slots_filled = t.slots_filled;
    c.slots_held = (c.held + c.shared) * slots;
    std::copy_n(t.classes.begin() + kKvAge, kKvBands, c.age.begin());
    std::copy_n(t.classes.begin() + kKvFill, kKvBands, c.fill.begin());
    std::copy_n(t.classes.begin() + kKvFormat, kKvFormats, c.formats.begin());
    if (mode == KvMode::kOwner) rank_owners(blocks, classes, owners_wanted, c);
    return c;
}

}  // namespace pitwall::panels
