// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/kernels/integer_kernels.h"
#include "engine/exec/cpu/memory.h"

namespace pitwall::engine::cpu {

struct Kernels;

/// Activations as integers, in tiles of a few tokens: [tile][group of 32 k][token of the tile], each tile contiguous, so
/// that a kernel reaches all of a group's tokens from one address.
class IntegerRows {
  public:
    /// Room for that many tokens of `k` values.
    static Result<IntegerRows> create(uint32_t tokens, uint32_t k);

    /// Makes place for so many tokens of `k` values; each has to be given by round(). `dtype` is one of integers. So many `shares` of
    /// the tokens, cut where a tile begins, go to threads of their own.
    void lay_out(const Kernels& kernels, ActivationDtype dtype, uint32_t k, uint32_t tokens,
                 uint32_t shares = 1);
    /// Rounds one token's values; by any thread.
    void round(const Kernels& kernels, uint32_t token, const float* x);

    uint32_t tile_height() const { return height_; }
    uint32_t shares() const { return shares_; }
    /// From that group of k on. What lies behind the last tile's last token is of no token, and readable.
    TileRows tile(uint32_t tile, uint32_t first_group = 0) const;
    size_t token_bytes() const { return tile_stride_ / height_; }
    uint64_t bytes() const { return groups_.bytes() + scales_.bytes(); }

  private:
    PageBuffer groups_, scales_;
    ActivationDtype dtype_ = ActivationDtype::kI8;
    uint32_t tokens_ = 0, k_ = 0, height_ = 1, shares_ = 1;
    size_t group_stride_ = 0, tile_stride_ = 0;
};

}  // namespace pitwall::engine::cpu
