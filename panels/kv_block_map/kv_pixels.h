// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "panels/kv_block_map/kv_layout.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

enum class KvMode { kState, kOwner, kAge, kFill };

/// 0xAARRGGBB colours of the map, taken from the theme.
struct KvPalette {
    uint32_t panel = 0, free = 0, held = 0, shared = 0, cached = 0;
    std::function<uint32_t(RequestId)> request;  ///< null: held
};

/// Mixes `share` of a into b, in sRGB as the theme's opacities are meant.
uint32_t mix(uint32_t a, uint32_t b, double share);

/// How blocks become colours in one frame; everything that does not depend on the single block is worked out
/// once.
class KvColours {
  public:
    static constexpr int kBands = 5;  ///< of age, of cached blocks' order of eviction, of fill
    /// Upper ends of the first four bands of age; what is older is in the fifth.
    static constexpr std::array<int64_t, kBands - 1> kAgeNs = {1'000'000'000, 10'000'000'000, 60'000'000'000,
                                                               600'000'000'000};

    KvColours(KvMode mode, const KvPalette& palette, std::span<const telemetry::BlockRow> blocks,
              uint32_t block_tokens, int64_t now_ns);

    uint32_t of(const telemetry::BlockRow& block) const;
    /// What the part of a cell above its fill line shows.
    uint32_t empty() const { return free_; }
    /// Token slots in use as a share, 0 to 1; a free block has none, a cached block was full when it was
    /// released.
    double fill(const telemetry::BlockRow& block) const;
    bool has_fill_line() const { return mode_ != KvMode::kAge; }

    static int age_band(const telemetry::BlockRow& block, int64_t now_ns);
    static int fill_band(const telemetry::BlockRow& block, uint32_t block_tokens);
    uint32_t age_colour(int band) const { return age_[static_cast<size_t>(band)]; }
    uint32_t quiet_cached() const { return cached_[2]; }  ///< of cached blocks where they are not the point
    uint32_t fill_colour(int band) const { return fill_[static_cast<size_t>(band)]; }

  private:
    uint32_t cached_colour(const telemetry::BlockRow& block) const;
    uint32_t owner_colour(const telemetry::BlockRow& block) const;

    KvMode mode_;
    const KvPalette& palette_;
    uint32_t block_tokens_;
    int64_t now_ns_;
    uint32_t free_;
    std::array<uint32_t, kBands> cached_, age_, fill_;
    // Neighbouring blocks mostly share an owner, and working out a request's colour costs more than a block
    // does.
    mutable RequestId last_owner_ = kNoRequest;
    mutable uint32_t last_colour_ = 0;
    std::array<int64_t, kBands - 1> cached_after_;  ///< used_ns from which on a cached block is in band i
};

/// Paints the visible part of the map into `pixels` (layout.width() x layout.height(), row by row). `mine`
/// has one entry a block, not 0 where it belongs to the selected request, and may be empty.
void paint_blocks(std::span<const telemetry::BlockRow> blocks, const KvLayout& layout,
                  const KvColours& colours, const KvPalette& palette, std::span<const uint8_t> mine,
                  uint32_t mine_colour, std::vector<uint32_t>& pixels);

}  // namespace pitwall::panels
