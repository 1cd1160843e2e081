// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/exec/cpu/memory.h"

namespace pitwall::engine::cpu {

/// Activations in bfloat16: [tokens, ld] pairs, each row filled up with zeros.
class BfloatRows {
  public:
    /// Room for that many tokens of `k` values.
    static Result<BfloatRows> create(uint32_t tokens, uint32_t k);

    /// Makes place for tokens of `k` values; each has to be given by round(), in parts by round_part(), or be written at place().
    void lay_out(uint32_t k) { k_ = k; }
    /// Rounds one token's values; by any thread.
    void round(const BfloatKernels& kernels, uint32_t token, const float* x);
    /// As products in tiles take them, times 2^exponent.
    void round(const BfloatTileKernels& kernels, uint32_t token, const float* x, int exponent);
    /// `count` of its values, from `first` on: both are multiples of 32, as k is.
    void round_part(const BfloatTileKernels& kernels, uint32_t token, uint32_t first, uint32_t count,
                    const float* x, int exponent);

    const BfloatPair* row(uint32_t token) const;
    /// A token's row, as a kernel writes it: of a group of 32, several threads may each write their own places.
    BfloatPair* place(uint32_t token);
    size_t ld() const;
    uint32_t k() const { return k_; }
    uint32_t pairs() const { return (k_ + 1) / 2; }  ///< of a row
    uint64_t bytes() const { return pairs_.bytes(); }

  private:
    PageBuffer pairs_;
    uint32_t k_ = 0;
};

}  // namespace pitwall::engine::cpu
