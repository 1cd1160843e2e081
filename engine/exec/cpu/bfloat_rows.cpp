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
    auto pairs =
        PageBuffer::allocate(tokens * leading_dimension(k) * sizeof(BfloatPair), "bfloat16 activations");
    if (!pairs.ok()) return pairs.error();
    rows.pairs_ = std::move(pairs).value();
    return rows;
}

size_t BfloatRows::ld() const { return leading_dimension(k_); }

const BfloatPair* BfloatRows::row(uint32_t token) const {
    return reinterpret_cast<const BfloatPair*>(pairs_.data()) + token * ld();
}

void BfloatRows::round(const BfloatKernels& kernels, uint32_t token, const float* x) {
    assert((token + 1) * ld() * sizeof(BfloatPair) <= pairs_.bytes());
    kernels.round(x, k_, reinterpret_cast<BfloatPair*>(pairs_.data()) + token * ld());
}

}  // namespace pitwall::engine::cpu
