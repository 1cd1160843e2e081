// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums of whole numbers by bins, and where a running sum over the bins comes to a target: how a block searches an order without
// sorting it. All functions are called by all threads of the block.
#pragma once

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

inline constexpr uint32_t kBinBits = 11, kBins = 1 << kBinBits;

/// A 64-bit sum for each bin. A GPU adds 32 bits at once in shared memory, and 64 only by trying until nobody else came between:
/// so the halves are added each by itself, and who makes the lower one wrap carries.
struct Sums {
    uint32_t *low, *high;  ///< [kBins] in shared memory

    PITWALL_DEVICE static Sums take(SharedMemory& shared) {
        uint32_t* const low = shared.take<uint32_t>(kBins);
        return {low, shared.take<uint32_t>(kBins)};
    }
    static constexpr uint32_t kBytes = sizeof(uint32_t) * 2 * kBins;

    PITWALL_DEVICE void clear() const {
        for (uint32_t i = thread(); i < kBins; i += threads()) low[i] = high[i] = 0;
        sync_block();
    }
    PITWALL_DEVICE void add(uint32_t bin, uint64_t value) const {
        const auto lower = static_cast<uint32_t>(value);
        const uint32_t before = add_atomically(low + bin, lower);
        const uint32_t upper = static_cast<uint32_t>(value >> 32) + (before + lower < before ? 1 : 0);
        if (upper != 0) add_atomically(high + bin, upper);
    }
    /// By one thread alone, of a bin that nobody adds to.
    PITWALL_DEVICE void set(uint32_t bin, uint64_t value) const {
        low[bin] = static_cast<uint32_t>(value);
        high[bin] = static_cast<uint32_t>(value >> 32);
    }
    PITWALL_DEVICE uint64_t at(uint32_t bin) const { return uint64_t{high[bin]} << 32 | low[bin]; }
};

PITWALL_DEVICE uint64_t warp_sum(uint64_t value) {
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
    return value;
}

/// Of the values of all threads, in their order: the sum before this thread's, and that of all.
struct Scan {
    uint64_t before, total;
};
/// `sums`: [kMostWarps] in shared memory.
PITWALL_DEVICE Scan block_scan(uint64_t value, uint64_t* sums) {
    uint64_t through = value;
    for (uint32_t step = 1; step < kWarp; step *= 2) {
        const uint64_t left = shuffle(through, (lane() + kWarp - step) % kWarp);
        if (lane() >= step) through += left;
    }
    sync_block();  // the sums of the scan before have been read
    if (lane() == kWarp - 1) sums[warp()] = through;
    sync_block();
    Scan scan{through - value, 0};
    for (uint32_t i = 0; i < threads() / kWarp; ++i) {
        if (i == warp()) scan.before += scan.total;
        scan.total += sums[i];
    }
    return scan;
}

/// The first bin with which the running sum is no smaller than `target`, and the sum before it.
struct Place {
    uint64_t before;
    uint32_t bin;
};

/// What a block needs to look for places, in shared memory.
struct Finder {
    uint64_t* warp_sums;  ///< [kMostWarps]
    Place* place;

    PITWALL_DEVICE static Finder take(SharedMemory& shared) {
        uint64_t* const sums = shared.take<uint64_t>(kMostWarps);
        return {sums, shared.take<Place>(1)};
    }
    static constexpr uint32_t kBytes = kMostWarps * sizeof(uint64_t) + sizeof(Place);

    PITWALL_DEVICE uint64_t total(const Sums& sums) const {
        return block_scan(sum_of_own(sums), warp_sums).total;
    }
    /// `target`: from 1 to the sum of all.
    PITWALL_DEVICE Place find(const Sums& sums, uint64_t target) const {
        const uint64_t own = sum_of_own(sums);
        Place at{block_scan(own, warp_sums).before, thread() * (kBins / threads())};
        if (at.before < target && target <= at.before + own) {
            while (at.before + sums.at(at.bin) < target) at.before += sums.at(at.bin++);
            *place = at;
        }
        sync_block();
        return *place;  // the next one is written after another scan: all have read by then
    }

  private:
    PITWALL_DEVICE static uint64_t sum_of_own(const Sums& sums) {
        const uint32_t own = kBins / threads();
        uint64_t sum = 0;
        for (uint32_t i = 0; i < own; ++i) sum += sums.at(thread() * own + i);
        return sum;
    }
};
static_assert(sizeof(Place) % 16 == 0);

}  // namespace pitwall::cuda
