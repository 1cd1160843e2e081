// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two that multiply() chooses from. Each by itself takes any number of tokens and gives the same bits; which is faster is a
// matter of sizes. So are the shapes of blocks that either chooses from. All choices are made by estimates of the clocks that a
// tile of columns takes on the largest devices, an H200; a wrong one costs time, never bits.
#pragma once

#include "engine/exec/cuda/kernels/matrix.h"

namespace pitwall::cuda {

void multiply_few(Stream& stream, const MultiplyArgs& args);
void multiply_many(Stream& stream, const MultiplyArgs& args);

double few_clocks(const DeviceMatrix& matrix, uint32_t tokens);
double many_clocks(const DeviceMatrix& matrix, uint32_t tokens);

/// What the estimates are made of.
inline constexpr uint32_t kMultiprocessors = 132;
/// A multiprocessor's share of what the second-level cache gives in a clock, when all ask; one alone gets twice as much.
inline constexpr double kCacheBytesPerClock = 24;
inline constexpr double kMemoryBytesPerClock = 20;  ///< its share of the memory's
inline constexpr double kMmaPerClock = 0.62;        ///< m16n8k16, of a multiprocessor

constexpr uint32_t divide_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

}  // namespace pitwall::cuda
