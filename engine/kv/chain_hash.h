// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/exec/executor.h"
#include "engine/kv/numeric_history.h"

namespace pitwall::engine {

/// Names a full block together with all before it and how that was computed:
///     key(block i) = H(lineage(block i - 1), its 16 tokens), lineage(block i) = H(key(block i), its epochs).
/// So blocks of different numeric histories never follow each other in one chain.
struct ChainHash {
    uint64_t low = 0, high = 0;
    bool operator==(const ChainHash&) const = default;
};

using BlockTokens = std::array<TokenId, kBlockTokens>;

namespace detail {
constexpr uint64_t final_mix(uint64_t h) {
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return h ^ (h >> 33);
}
}  // namespace detail

/// After MurmurHash3 x64/128 (Appleby, public domain) of the tokens, started from the parent's hash. `tokens` has
/// kBlockTokens entries. The index compares the tokens too, so that a chance collision cannot give wrong KV.
inline ChainHash chain_hash(const ChainHash& parent, std::span<const TokenId> tokens) {
    constexpr uint64_t c1 = 0x87c37b91114253d5ULL, c2 = 0x4cf5ad432745937fULL;
    uint64_t h1 = parent.low, h2 = parent.high;
    for (size_t i = 0; i + 3 < tokens.size(); i += 4) {
        const uint64_t k1 =
            uint64_t{static_cast<uint32_t>(tokens[i])} | uint64_t{static_cast<uint32_t>(tokens[i + 1])} << 32;
        const uint64_t k2 = uint64_t{static_cast<uint32_t>(tokens[i + 2])} |
                            uint64_t{static_cast<uint32_t>(tokens[i + 3])} << 32;
        h1 ^= std::rotl(k1 * c1, 31) * c2;
        h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= std::rotl(k2 * c2, 33) * c1;
        h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    h1 += h2 ^ tokens.size();
    h2 += h1;
    h1 = detail::final_mix(h1), h2 = detail::final_mix(h2);
    h1 += h2;
    return {h1, h2 + h1};
}

/// `own`: the epochs in which the block's tokens were computed.
inline ChainHash lineage_hash(ChainHash key, std::span<const EpochSpan> own) {
    for (const EpochSpan& span : own) {
        const uint64_t said = uint64_t{span.epoch} * kBlockTokens + span.position % kBlockTokens;
        if (said == 0) continue;  // computed in the first epoch, as most are for ever
        key.low = detail::final_mix(key.low ^ (said * 0x9e3779b97f4a7c15ULL));
        key.high = detail::final_mix(key.high + key.low);
    }
    return key;
}

}  // namespace pitwall::engine
