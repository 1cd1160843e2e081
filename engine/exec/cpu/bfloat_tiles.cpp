// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/bfloat_tiles.h"

#include <cassert>
#include <utility>

namespace pitwall::engine::cpu {

Result<BfloatTiles> BfloatTiles::create(size_t bytes) {
    auto pages = PageBuffer::allocate(bytes, "tiles of activations");
    if (!pages.ok()) return pages.error();
    BfloatTiles out;
    out.tiles_ = std::move(pages).value();
    return out;
}

const std::byte* BfloatTiles::of(const BfloatTileKernels& kernels, const BfloatRows& rows, uint64_t version,
                                 uint32_t first, uint32_t tokens) {
    if (version == version_ && first == first_ && tokens == tokens_) return tiles_.data();
    assert((tokens + kTileTokens - 1) / kTileTokens * tile_groups(rows.k()) * kTileBytes <= tiles_.bytes());
    kernels.lay_out({rows.row(first), rows.ld(), tokens, rows.k(), tiles_.data()});
    version_ = version;
    first_ = first;
    tokens_ = tokens;
    return tiles_.data();
}

}  // namespace pitwall::engine::cpu
