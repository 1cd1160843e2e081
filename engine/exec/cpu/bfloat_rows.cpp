// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/bfloat_rows.h"

#include <cassert>
#include <utility>

namespace pitwall::engine::cpu {
namespace {

/// An odd number of vectors, so that rows do not share cache sets.
size_t leading_dimension(uint32_t k) {
    constexpr size_t kVector = kRoundedAtOnce / 2;
    return ((size_t{k} / kRoundedAtOnce + 1) | 1) * kVector;
}

}  // namespace

Result<BfloatRows> BfloatRows::create(uint32_t tokens, uint32_t k) {
    BfloatRows rows;
    const size_t with_last_tile = size_t{tokens} + kTileTokens - 1;  // which is read whole
    auto pairs = PageBuffer::allocate(with_last_tile * leading_dimension(k) * sizeof(BfloatPair),
                                      "bfloat16 activations");
    if (!pairs.ok()) return pairs.error();
    rows.pairs_ = std::move(pairs).value();
    return rows;
}

size_t BfloatRows::ld() const { return leading_dimension(k_); }

const BfloatPair* BfloatRows::row(uint32_t token) const {
    return reinterpret_cast<const BfloatPair*>(pairs_.data()) + token * ld();
}

BfloatPair* BfloatRows::place(uint32_t token) {
    assert((token + 1) * ld() * sizeof(BfloatPair) <= pairs_.bytes());
    return reinterpret_cast<BfloatPair*>(pairs_.data()) + token * ld();
}

void BfloatRows::round(const BfloatKernels& kernels, uint32_t token, const float* x) {
    kernels.round(x, k_, place(token));
}

void BfloatRows::round(const BfloatTileKernels& kernels, uint32_t token, const float* x, int exponent) {
    kernels.round({x, k_, exponent, place(token)});
}

void BfloatRows::round_part(const BfloatTileKernels& kernels, uint32_t token, uint32_t first, uint32_t count,
                            const float* x, int exponent) {
    assert(k_ % kGroupValues == 0 && first % kGroupValues == 0 && count % kGroupValues == 0);
    kernels.round({x, count, exponent, place(token) + first / 2});
}

}  // namespace pitwall::engine::cpu
