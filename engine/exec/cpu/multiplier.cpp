// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/multiplier.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/exec/cpu/strip.h"

namespace pitwall::engine::cpu {
namespace {

/// Activations of so many tokens stay in the second-level cache while panels pass by.
constexpr uint32_t kTokenBlock = 128;
/// In tiles (of integers, or of bfloat16) they are smaller, and the more tokens a panel's weights are unpacked for the better.
constexpr size_t kTiledBlockBytes = 512 * 1024;
/// Of integers, however wide they are: blocks of fewer would walk the weights too often.
constexpr uint32_t kSmallestBlock = 32;
/// As IntegerKernels::own_tokens, in tiles of bfloat16: unpacked weights have to serve more there.
constexpr uint32_t kOwnTokensInTiles = 128;
constexpr uint32_t kSerialValues = 8192;  ///< to be rounded: waking other threads for so few costs more
constexpr uint32_t kPairsPerThread =
    8;  ///< fewer leave threads with nothing to do: smaller blocks are taken then

}  // namespace

Result<Multiplier> Multiplier::create(ThreadPool& pool, const Kernels& kernels, uint32_t tokens, uint32_t k) {
    Multiplier multiplier(pool, kernels);
    auto scratch = PageBuffer::allocate(pool.threads() * kThreadBytes, "products");
    if (!scratch.ok()) return scratch.error();
    auto rows = IntegerRows::create(tokens, k);
    if (!rows.ok()) return rows.error();
    multiplier.scratch_ = std::move(scratch).value();
    multiplier.rows_ = std::move(rows).value();
    if (kernels.bfloats == nullptr) return multiplier;
    auto bfloat_rows = BfloatRows::create(tokens, k);
    if (!bfloat_rows.ok()) return bfloat_rows.error();
    multiplier.bfloat_rows_ = std::move(bfloat_rows).value();
    if (kernels.tiles == nullptr) return multiplier;
    auto next_rows = BfloatRows::create(tokens, k);
    if (!next_rows.ok()) return next_rows.error();
    multiplier.next_bfloat_rows_ = std::move(next_rows).value();
    auto tiles = PageBuffer::allocate(pool.threads() * kTileScratchBytes, "products");
    if (!tiles.ok()) return tiles.error();
    multiplier.tile_scratch_ = std::move(tiles).value();
    return multiplier;
}

uint64_t Multiplier::scratch_bytes() const {
    return scratch_.bytes() + rows_.bytes() + bfloat_rows_.bytes() + next_bfloat_rows_.bytes() +
           tile_scratch_.bytes();
}

void Multiplier::set_activation_dtype(ActivationDtype dtype) {
    assert(dtype != ActivationDtype::kBf16 || kernels_->bfloats != nullptr);
    dtype_ = dtype;
}

void Multiplier::lay_out(const Product& product, uint32_t tokens) {
    taken_for_ = wants_integers(product) || wants_bfloats(product) ? &product : nullptr;
    if (wants_integers(product)) {
        const uint32_t threads = pool_->threads();
        const bool own = tokens / threads >= kernels_->integer.own_tokens;
        rows_.lay_out(*kernels_, dtype_, product.k(), tokens, own ? threads : 1);
    }
    if (wants_bfloats(product)) bfloat_rows_.lay_out(product.k());
}

void Multiplier::take_row(uint32_t token, const float* x) {
    if (taken_for_ == nullptr) return;
    if (is_integer(dtype_))
        rows_.round(*kernels_, token, x);
    else if (in_tiles())
        bfloat_rows_.round(*kernels_->tiles, token, x, taken_for_->tile_exponent());
    else
        bfloat_rows_.round(*kernels_->bfloats, token, x);
}

void Multiplier::take_part(uint32_t token, uint32_t first, uint32_t count, const float* x) {
    assert(taken_for_ != nullptr && takes_parts(*taken_for_));
    bfloat_rows_.round_part(*kernels_->tiles, token, first, count, x, taken_for_->tile_exponent());
}

void Multiplier::take_rows(const float* x, size_t ldx, uint32_t tokens, uint32_t k) {
    if (taken_for_ == nullptr) return;
    const auto some = [&](uint32_t begin, uint32_t end, uint32_t) {
        for (uint32_t token = begin; token < end; ++token) take_row(token, x + token * ldx);
    };
    const uint32_t grain = std::max(1u, kSerialValues / 2 / k);
    size_t{tokens} * k <= kSerialValues ? some(0, tokens, 0) : pool_->run(tokens, grain, some);
}

void Multiplier::multiply(const Product& product, const float* x, size_t ldx, uint32_t tokens,
                          const Output& out) {
    if (tokens == 0) return;
    forget_largest(tokens, out);
    assert(taken_for_ == nullptr || taken_for_ == &product);
    if (taken_for_ == nullptr) {
        lay_out(product, tokens);
        take_rows(x, ldx, tokens, product.k());
    }
    taken_for_ = nullptr;
    if (rounds_outputs(out)) next_bfloat_rows_.lay_out(out.only_for->k());
    deal_out(product, x, ldx, tokens, out);
    if (rounds_outputs(out)) {
        std::swap(bfloat_rows_, next_bfloat_rows_);
        lay_out(*out.only_for, tokens);
    }
}

/// A product in blocks of whole tiles of tokens, and each of them in pairs of panels: items of a pair by a block.
struct Multiplier::Deal {
    const Product& product;
    const float* x;
    size_t ldx;
    uint32_t tokens, height, tiles, pairs, blocks;
    const Output& out;

    /// Items from `item` on, up to `count` of them: those of one block, which it sets `count` to.
    Strip strip(uint32_t item, uint32_t& count) const {
        const uint32_t block = item / pairs, pair = item % pairs;
        count = std::min(count, pairs - pair);
        const auto panels =
            std::min<uint32_t>(2 * count, static_cast<uint32_t>(product.panels().size()) - 2 * pair);
        const auto first_tile = static_cast<uint32_t>(uint64_t{tiles} * block / blocks);
        const auto end_tile = static_cast<uint32_t>(uint64_t{tiles} * (block + 1) / blocks);
        const uint32_t first = first_tile * height, last = std::min(end_tile * height, tokens);
        return {&product,     product.panels().data() + 2 * size_t{pair},
                panels,       x + first * ldx,
                ldx,          first,
                last - first, first_tile,
                end_tile,     &out};
    }
};

void Multiplier::deal_out(const Product& product, const float* x, size_t ldx, uint32_t tokens,
                          const Output& out) {
    const uint32_t height = tile_height(product), tiles = (tokens + height - 1) / height;
    const auto pairs = static_cast<uint32_t>((product.panels().size() + 1) / 2);
    const uint32_t blocks = blocks_of(product, tiles, pairs);
    assert(blocks <= tiles);
    const Deal deal{product, x, ldx, tokens, height, tiles, pairs, blocks, out};
    pool_->run(pairs * blocks, kStripPanels / 2, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        for (uint32_t count = 0; begin < end; begin += count) {
            count = end - begin;
            multiply_strip(deal.strip(begin, count), thread);
        }
    });
}

uint32_t Multiplier::tile_height(const Product& product) const {
    if (in_tiles()) return kTileTokens;
    return wants_integers(product) ? rows_.tile_height() : 1;
}

uint32_t Multiplier::blocks_of(const Product& product, uint32_t tiles, uint32_t pairs) const {
    const uint32_t tokens = tiles * tile_height(product);
    const uint32_t small = (tokens + kTokenBlock - 1) / kTokenBlock;
    if (!in_tiles() && !wants_integers(product)) return small;
    const uint32_t smallest = in_tiles() ? kOwnTokensInTiles : kSmallestBlock;
    const size_t token_bytes = in_tiles() ? bfloat_rows_.ld() * sizeof(BfloatPair) : rows_.token_bytes();
    const size_t fitting = kTiledBlockBytes / token_bytes;
    const auto most = static_cast<uint32_t>(std::clamp<size_t>(fitting, smallest, kTiledTokenBlock));
    const uint32_t fewest = (tokens + most - 1) / most, threads = pool_->threads();
    const uint32_t even = (fewest + threads - 1) / threads * threads;
    if (in_tiles() ? tokens / even >= kOwnTokensInTiles : rows_.shares() > 1) return std::min(even, tiles);
    assert(pairs > 0);
    return std::min(tiles, std::max(fewest, std::min(kPairsPerThread * threads / pairs, small)));
}

void Multiplier::forget_largest(uint32_t tokens, const Output& out) {
    if (out.rows == nullptr) return;
    largest_tokens_ = tokens;
    largest_.assign(size_t{pool_->threads()} * tokens, {});
}

Largest Multiplier::largest(uint32_t token) const {
    Largest largest;
    for (size_t at = token; at < largest_.size(); at += largest_tokens_)
        if (largest.is_beaten_by(largest_[at].value, largest_[at].column)) largest = largest_[at];
    return largest;
}

}  // namespace pitwall::engine::cpu
