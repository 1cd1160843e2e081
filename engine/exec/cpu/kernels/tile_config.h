// SPDX-License-Identifier: GPL-3.0-or-later
//
// What AMX has to be told before a thread may use tiles.
#pragma once

#include <cstdint>

namespace pitwall::engine::cpu {
namespace {

/// As LDTILECFG reads it (Intel's Software Developer's Manual, volume 1, 18.2): all eight tiles of 64 bytes a row, and 16
/// rows of each. Attention wants others of the first five; products, of those that hold activations and sums.
struct alignas(64) TileConfig {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};

    constexpr TileConfig() = default;
    constexpr explicit TileConfig(uint32_t rows_of_first) {
        for (int i = 0; i < 5; ++i) rows[i] = static_cast<uint8_t>(rows_of_first);
    }
};
static_assert(sizeof(TileConfig) == 64);

/// Until TILERELEASE this thread has tiles; what they held is lost. In assembly, since GCC 12's own function says that it reads 8 bytes
/// of the configuration: the others might never be written. No object whose end releases them: what ends when others throw draws in
/// code that the linker shares.
[[gnu::always_inline]] inline void take_tiles(const TileConfig& config) {
    asm volatile("ldtilecfg %0" : : "m"(config));
}

/// GCC 12's functions that load a tile do not say that they read memory: what was written before this is there.
[[gnu::always_inline]] inline void finish_writing() { asm volatile("" : : : "memory"); }

}  // namespace
}  // namespace pitwall::engine::cpu
