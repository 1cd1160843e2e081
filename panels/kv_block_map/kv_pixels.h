// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "panels/kv_block_map/kv_counts.h"
#include "panels/kv_block_map/kv_layout.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// 0xffRRGGBB colours of the map, taken from the theme.
struct KvPalette {
    uint32_t panel = 0, free = 0, held = 0, shared = 0, cached = 0;
    std::function<uint32_t(RequestId)> request;  ///< null: held
    std::array<uint32_t, kKvFormats> formats{};  ///< by KvDtype, and of an unknown one
};

/// Mixes `share` of a into b, in sRGB as the theme's opacities are meant.
uint32_t mix(uint32_t a, uint32_t b, double share);

/// The colour of each class in a mode.
std::array<uint32_t, kKvClasses> class_colours(KvMode mode, const KvPalette& palette, uint32_t mine);

/// What one frame of the map is painted from; all spans have one entry a block.
struct KvFrame {
    KvMode mode;
    std::span<const telemetry::BlockRow> blocks;
    std::span<const uint8_t> classes;  ///< KvClass
    const std::array<uint32_t, kKvClasses>& colours;
    const KvPalette& palette;
    uint32_t block_tokens;
};

/// Paints the visible part of the map into `pixels` (layout.width() x layout.height(), row by row).
void paint_blocks(const KvFrame& frame, const KvLayout& layout, std::vector<uint32_t>& pixels);

}  // namespace pitwall::panels
