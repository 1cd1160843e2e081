// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/bfloat_rows.h"
#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/exec/cpu/memory.h"

namespace pitwall::engine::cpu {

/// One thread's copy of some rows, as products in tiles take them. It is made where it is first wanted and kept while the same
/// is asked for: of what many panels are multiplied with.
class BfloatTiles {
  public:
    /// Room for `bytes` of tiles, see tile_token_bytes().
    static Result<BfloatTiles> create(size_t bytes);

    /// Rows [first, first + tokens); `version` is another one whenever rows hold something else.
    const std::byte* of(const BfloatTileKernels& kernels, const BfloatRows& rows, uint64_t version,
                        uint32_t first, uint32_t tokens);
    uint64_t bytes() const { return tiles_.bytes(); }

  private:
    PageBuffer tiles_;
    uint64_t version_ = 0;
    uint32_t first_ = 0, tokens_ = 0;
};

}  // namespace pitwall::engine::cpu
