// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks brought from one format into another: what a first writing would have stored, wherever the bytes lie.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kv_arena.h"
#include "telemetry/names.h"
#include "tests/engine/exec/cpu/stored_kv.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

using telemetry::KvDtype;
using Bytes = std::vector<std::byte>;

constexpr uint32_t kDims[] = {2, 12, 40, 64, 80, 128};

std::vector<float> random_row(uint32_t dim, int size, float mean, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> row(dim);
    for (float& value : row) value = std::ldexp(mean + normal(random), size);
    return row;
}

struct Rows {
    std::vector<std::vector<float>> k, v;  ///< [16][dim]
};

/// Keys have channels that stand out, values a mean.
Rows random_rows(uint32_t dim, std::mt19937& random) {
    Rows rows;
    for (int slot = 0; slot < 16; ++slot) {
        rows.k.push_back(random_row(dim, slot - 12, 0, random));
        rows.k.back()[slot % 2 == 0 ? 0 : dim - 1] *= 20;
        rows.v.push_back(random_row(dim, slot - 12, 1, random));
    }
    return rows;
}

Bytes stored(const Kernels& kernels, const KvHeadLayout& layout, const Rows& rows) {
    Bytes head(layout.bytes, std::byte{0xff});
    for (uint32_t slot = 0; slot < 16; ++slot)
        kernels.store_kv(layout, rows.k[slot].data(), rows.v[slot].data(), slot, head.data());
    return head;
}

Bytes converted(const Kernels& kernels, const KvHeadLayout& from, const KvHeadLayout& to, const Bytes& head) {
    Bytes out(to.bytes, std::byte{0xff});
    std::vector<float> scratch(conversion_scratch_floats(from.head_dim));
    kernels.convert_kv({&from, &to, head.data(), out.data(), scratch.data()});
    return out;
}

class KvConvert : public testing::TestWithParam<KernelTier> {};

TEST_P(KvConvert, FromF16GivesTheBitsOfAFirstWriting) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(81);
    for (const uint32_t dim : kDims) {
        const Rows rows = random_rows(dim, random);
        const KvHeadLayout f16 = kv_head_layout(KvDtype::kF16, dim);
        const Bytes head = stored(kernels, f16, rows);
        for (const KvDtype dtype : kAllKvDtypes) {
            if (dtype == KvDtype::kF32) continue;  // what f16 rounded away does not come back
            const KvHeadLayout to = kv_head_layout(dtype, dim);
            EXPECT_EQ(converted(kernels, f16, to, head), stored(kernels, to, rows)) << name(dtype) << dim;
        }
    }
}

TEST_P(KvConvert, WhatIsWiderAndNotRotatedComesBackUnchanged) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(82);
    for (const uint32_t dim : kDims) {
        const Rows rows = random_rows(dim, random);
        const KvHeadLayout f32 = kv_head_layout(KvDtype::kF32, dim);
        for (const KvDtype dtype : {KvDtype::kF16, KvDtype::kBf16}) {
            const KvHeadLayout narrow = kv_head_layout(dtype, dim);
            const Bytes head = stored(kernels, narrow, rows);
            const Bytes wide = converted(kernels, narrow, f32, head);
            EXPECT_EQ(converted(kernels, f32, narrow, wide), head) << name(dtype) << " of " << dim;
        }
    }
}

/// Multiplies runs with the Hadamard matrix; it is its own inverse.
std::vector<double> turned(uint32_t side, const std::vector<double>& x) {
    if (side < 2) return x;
    std::vector<double> out(x.size(), 0);
    for (size_t i = 0; i < x.size(); ++i)
        for (size_t run = i / side * side, j = 0; j < side; ++j)
            out[i] += (__builtin_parityll((i - run) & j) ? -1 : 1) * x[run + j] / std::sqrt(side);
    return out;
}

/// From every format to every other: as near to what was there as the new one allows.
TEST_P(KvConvert, HoldsEachValueWithinHalfAStep) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(83);
    for (const uint32_t dim : kDims) {
        const Rows rows = random_rows(dim, random);
        for (const KvDtype source : kAllKvDtypes) {
            const KvHeadLayout from = kv_head_layout(source, dim);
            const Bytes head = stored(kernels, from, rows);
            for (const KvDtype target : kAllKvDtypes) {
                const KvHeadLayout to = kv_head_layout(target, dim);
                const Bytes out = converted(kernels, from, to, head);
                const StoredKv was(from, head.data()), is(to, out.data());
                for (uint32_t slot = 0; slot < 16; ++slot) {
                    std::vector<double> k(dim), v(dim);
                    for (uint32_t d = 0; d < dim; ++d) k[d] = was.k(slot, d), v[d] = was.v(slot, d);
                    const auto want_k = turned(to.k.rotation, turned(from.k.rotation, k));
                    const auto want_v = turned(to.v.rotation, turned(from.v.rotation, v));
                    const auto near = [&](double got, double want, double step, bool scaled) {
                        // Through binary16 on the way; scales and minima are rounded themselves.
                        return std::abs(got - want) <=
                               0.53 * step + std::abs(want) * (scaled ? 3e-3 : 5e-4) +
                                   std::ldexp(20, static_cast<int>(slot) - 12) * 1e-3 + 1e-7;
                    };
                    for (uint32_t d = 0; d < dim; ++d) {
                        ASSERT_TRUE(near(is.k(slot, d), want_k[d], is.k_step(slot, d), to.k.groups > 0))
                            << name(source) << " -> " << name(target) << " of " << dim << ", slot " << slot
                            << ", k " << d << ": " << want_k[d] << " became " << is.k(slot, d);
                        ASSERT_TRUE(near(is.v(slot, d), want_v[d], is.v_step(slot, d), to.v.groups > 0))
                            << name(source) << " -> " << name(target) << " of " << dim << ", slot " << slot
                            << ", v " << d << ": " << want_v[d] << " became " << is.v(slot, d);
                    }
                }
            }
        }
    }
}

TEST_P(KvConvert, SameCodesAreCopied) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(84);
    const KvHeadLayout int8 = kv_head_layout(KvDtype::kInt8, 80), mixed = kv_head_layout(KvDtype::kK8V4, 80),
                       int4 = kv_head_layout(KvDtype::kInt4, 80);
    const Bytes head = stored(kernels, int8, random_rows(80, random));
    const Bytes as_mixed = converted(kernels, int8, mixed, head);
    EXPECT_EQ(std::memcmp(as_mixed.data(), head.data(), int8.v_values), 0) << "keys are int8 in both";
    const Bytes as_int4 = converted(kernels, mixed, int4, as_mixed);
    EXPECT_EQ(std::memcmp(as_int4.data() + int4.v_values, as_mixed.data() + mixed.v_values,
                          int4.bytes - int4.v_values),
              0)
        << "values are int4 in both";
    EXPECT_EQ(converted(kernels, int8, int8, head), head);
}

/// Slots that hold nothing yet hold any bits at all; those beside them do not notice.
TEST_P(KvConvert, RubbishStaysInItsSlot) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(85);
    for (const KvDtype source : kAllKvDtypes) {
        const KvHeadLayout from = kv_head_layout(source, 64);
        const Rows rows = random_rows(64, random);
        Bytes clean = stored(kernels, from, rows), dirty(from.bytes);
        const Bytes rubbish = random_bytes(from.bytes, random);
        std::copy(rubbish.begin(), rubbish.end(), dirty.begin());
        for (uint32_t slot = 0; slot < 9; ++slot)
            kernels.store_kv(from, rows.k[slot].data(), rows.v[slot].data(), slot, dirty.data());
        for (const KvDtype target : kAllKvDtypes) {
            if (target == source) continue;
            const KvHeadLayout to = kv_head_layout(target, 64);
            const Bytes a = converted(kernels, from, to, clean), b = converted(kernels, from, to, dirty);
            const StoredKv one(to, a.data()), other(to, b.data());
            for (uint32_t slot = 0; slot < 9; ++slot)
                for (uint32_t d = 0; d < 64; ++d) {
                    ASSERT_EQ(one.k(slot, d), other.k(slot, d)) << name(source) << " -> " << name(target);
                    ASSERT_EQ(one.v(slot, d), other.v(slot, d)) << name(source) << " -> " << name(target);
                }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KvConvert, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return tier_test_name(tier.param); });

/// A pool with holes goes through a random row of formats and sizes; each block has what its heads alone would have.
class KvArenaConvert : public testing::TestWithParam<uint32_t> {};

TEST_P(KvArenaConvert, EveryBlockInEveryOrderOfFormats) {
    const Kernels& kernels = kernels_of(available_kernel_tiers().back());
    const ModelConfig config = odd_config();
    const uint32_t heads = config.num_layers * config.num_kv_heads;
    ThreadPool pool(GetParam());
    std::mt19937 random(86 + GetParam());
    KvDtype dtype = KvDtype::kF16;
    auto made = KvArena::create(config, uint64_t{3} << 20, dtype);
    ASSERT_TRUE(made.ok());
    KvArena& arena = made.value();
    ASSERT_TRUE(arena.resize(60).ok());
    std::map<uint32_t, Bytes> want;  // by block, its heads one after the other
    for (uint32_t id = 0; id < 60; ++id) {
        if (random() % 3 == 0) continue;
        for (uint32_t head = 0; head < heads; ++head) {
            const Bytes one = stored(kernels, arena.layout(), random_rows(config.head_dim, random));
            want[id].insert(want[id].end(), one.begin(), one.end());
        }
        std::memcpy(arena.head(BlockId{id}, 0, 0), want[id].data(), want[id].size());
    }
    for (int round = 0; round < 40; ++round) {
        const KvDtype next = kAllKvDtypes[random() % std::size(kAllKvDtypes)];
        const uint32_t most = arena.capacity_blocks(kv_bytes_per_block(next, config));
        const uint32_t size = std::min<uint32_t>(most, 30 + random() % 60);
        std::vector<BlockId> holding;
        std::erase_if(want, [&](const auto& block) { return block.first >= size; });
        for (auto& [id, bytes] : want) {
            holding.push_back(BlockId{id});
            const KvHeadLayout from = arena.layout(), to = kv_head_layout(next, config.head_dim);
            Bytes changed;
            for (uint32_t head = 0; head < heads; ++head) {
                const Bytes one(bytes.begin() + head * from.bytes, bytes.begin() + (head + 1) * from.bytes);
                const Bytes as = converted(kernels, from, to, one);
                changed.insert(changed.end(), as.begin(), as.end());
            }
            bytes = std::move(changed);
        }
        std::shuffle(holding.begin(), holding.end(), random);
        ASSERT_TRUE(arena.convert(next, size, holding, pool, kernels).ok());
        ASSERT_EQ(arena.dtype(), next);
        for (const auto& [id, bytes] : want)
            ASSERT_EQ(std::memcmp(arena.head(BlockId{id}, 0, 0), bytes.data(), bytes.size()), 0)
                << "round " << round << ", block " << id << " as " << name(next);
        std::memset(arena.head(BlockId{0}, 0, 0) + (size - 1) * arena.bytes_per_block(), 0,
                    want.contains(size - 1) ? 0 : arena.bytes_per_block());  // all of it may be written
    }
}

TEST_P(KvArenaConvert, TooManyBlocksAreRefusedAndNothingChanges) {
    const Kernels& kernels = kernels_of(available_kernel_tiers().back());
    ThreadPool pool(GetParam());
    auto made = KvArena::create(odd_config(), 1'000'000, KvDtype::kF16);
    ASSERT_TRUE(made.ok());
    KvArena& arena = made.value();
    const uint32_t size = arena.capacity_blocks();
    ASSERT_TRUE(arena.resize(size).ok());
    std::memset(arena.head(BlockId{0}, 0, 0), 3, size * arena.bytes_per_block());
    EXPECT_FALSE(arena.convert(KvDtype::kF32, size, {}, pool, kernels).ok());
    EXPECT_EQ(arena.dtype(), KvDtype::kF16);
    EXPECT_EQ(*(arena.head(BlockId{size - 1}, 0, 0)), std::byte{3});
}

INSTANTIATE_TEST_SUITE_P(Threads, KvArenaConvert, testing::Values(1u, 2u, 4u));

}  // namespace
}  // namespace pitwall::engine::cpu
