// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/exec/cpu/kernels/kernels.h"
#include "telemetry/names.h"
#include "tests/engine/exec/cpu/stored_kv.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

using telemetry::KvDtype;

/// One KV head of one sequence in blocks, as the kernels wrote it, and what the blocks hold.
struct HeadCache {
    KvHeadLayout layout;
    std::vector<std::vector<std::byte>> storage;
    std::vector<const std::byte*> blocks;
    std::vector<double> k, v;  ///< [positions, head_dim]
};

/// Values of which some are 2^spread times as large as others, and as small.
HeadCache random_cache(const Kernels& kernels, KvDtype dtype, uint32_t positions, uint32_t dim,
                       std::mt19937& random, int spread = 0) {
    std::normal_distribution<float> normal;
    std::uniform_int_distribution<int> exponent(-spread, spread);
    const auto value = [&] { return std::ldexp(normal(random), exponent(random)); };
    HeadCache cache;
    cache.layout = kv_head_layout(dtype, dim);
    cache.storage.resize(
        (positions + 15) / 16,
        std::vector<std::byte>(cache.layout.bytes, std::byte{0xff}));  // stale slots hold what is no number
    std::vector<float> k(dim), v(dim);
    for (uint32_t p = 0; p < positions; ++p) {
        for (uint32_t d = 0; d < dim; ++d) k[d] = value(), v[d] = value();
        kernels.store_kv(cache.layout, k.data(), v.data(), p % 16, cache.storage[p / 16].data());
    }
    for (const auto& block : cache.storage) cache.blocks.push_back(block.data());
    for (uint32_t p = 0; p < positions; ++p) {
        const StoredKv stored(cache.layout, cache.blocks[p / 16]);
        for (uint32_t d = 0; d < dim; ++d) {
            cache.k.push_back(stored.k(p % 16, d));
            cache.v.push_back(stored.v(p % 16, d));
        }
    }
    return cache;
}

struct Partial {
    std::vector<float> peak, weight, value;
};

/// Attention of one tier, in float32 or in tiles of bfloat16.
struct Way {
    KernelTier tier;
    bool in_tiles;
    const Kernels& kernels() const { return kernels_of(tier); }
    void attend(const AttentionChunk& chunk) const {
        const int rounding = std::fegetround();
        const bool denormal = kSmallest * one > 0;
        (in_tiles ? kernels().tiles->attend : kernels().attend)(chunk);
        EXPECT_EQ(std::fegetround(), rounding);
        EXPECT_EQ(kSmallest * one > 0, denormal) << "the caller's denormal numbers became zero";
    }
    static constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
    static inline volatile float one = 1;  // the compiler is not to know
};

std::vector<Way> all_ways() {
    std::vector<Way> ways;
    for (const KernelTier tier : available_kernel_tiers()) {
        ways.push_back({tier, false});
        if (kernels_of(tier).tiles != nullptr) ways.push_back({tier, true});
    }
    return ways;
}

Partial attend_chunk(const Way& way, const HeadCache& cache, const std::vector<float>& q,
                     const std::vector<uint32_t>& positions, uint32_t first) {
    const size_t rows = positions.size();
    Partial out{std::vector<float>(rows), std::vector<float>(rows),
                std::vector<float>(rows * cache.layout.v_dim)};
    std::vector<const std::byte*> ahead(cache.blocks.rbegin(), cache.blocks.rend());
    ahead.resize(cache.blocks.size() + kAttentionChunk / 16, cache.blocks.back());
    std::vector<float> scratch(attention_scratch_floats(rows, cache.layout.v_dim), std::nanf(""));
    way.attend({q.data(), cache.layout.head_dim, positions.data(), static_cast<uint32_t>(rows),
                positions.back(), first, 0, kAttentionChunk / kAttentionTile,
                cache.blocks.data() + first / 16, ahead.data() + first / 16, &cache.layout, scratch.data(),
                out.peak.data(), out.weight.data(), out.value.data()});
    return out;
}

Partial attend_all(const Way& way, const HeadCache& cache, const std::vector<float>& q,
                   const std::vector<uint32_t>& positions) {
    Partial sum = attend_chunk(way, cache, q, positions, 0);
    for (uint32_t first = kAttentionChunk; first <= positions.back(); first += kAttentionChunk) {
        const Partial next = attend_chunk(way, cache, q, positions, first);
        for (size_t r = 0; r < positions.size(); ++r) {
            way.kernels().merge({&sum.peak[r], &sum.weight[r], &sum.value[r * cache.layout.v_dim],
                                 next.peak[r], next.weight[r], &next.value[r * cache.layout.v_dim],
                                 cache.layout.v_dim});
        }
    }
    return sum;
}

/// To the nearest with 8 bits of fraction; of two as near the even one, or the larger.
double to_bfloat(double x, bool ties_away) {
    int exponent = 0;
    const double fraction = std::frexp(x, &exponent) * 256;
    return std::ldexp(ties_away ? std::round(fraction) : std::nearbyint(fraction), exponent - 8);
}

/// What tiles multiply: K and V that are stored in binary16 lose their last bits, of ties always to the larger.
std::vector<double> as_multiplied(const Way& way, KvDtype dtype, std::vector<double> stored) {
    if (!way.in_tiles) return stored;
    for (double& value : stored) value = to_bfloat(value, dtype == KvDtype::kF16);
    return stored;
}

std::vector<double> reference(const Way& way, const HeadCache& cache, const float* q, uint32_t position) {
    const uint32_t dim = cache.layout.head_dim;
    std::vector<double> out(dim, 0.0);
    double sum = 0;
    for (uint32_t p = 0; p <= position; ++p) {
        double score = 0;
        for (uint32_t d = 0; d < dim; ++d)
            score += (way.in_tiles ? to_bfloat(q[d], false) : double(q[d])) * cache.k[p * dim + d];
        sum += std::exp(score);
        for (uint32_t d = 0; d < dim; ++d) out[d] += std::exp(score) * cache.v[p * dim + d];
    }
    for (double& value : out) value /= sum;
    return out;
}

constexpr std::pair<KvDtype, uint32_t> kCaches[] = {
    {KvDtype::kF16, 8},   {KvDtype::kF16, 64},  {KvDtype::kF16, 80},  {KvDtype::kF16, 128},
    {KvDtype::kF32, 64},  {KvDtype::kBf16, 80}, {KvDtype::kFp8, 64},  {KvDtype::kInt8, 8},
    {KvDtype::kInt8, 64}, {KvDtype::kInt8, 80}, {KvDtype::kK8V4, 64}, {KvDtype::kK8V4, 128},
    {KvDtype::kInt4, 8},  {KvDtype::kInt4, 64}, {KvDtype::kInt4, 80}};

class Attention : public testing::TestWithParam<Way> {};

TEST_P(Attention, AgreesWithFloat64AtEveryEdge) {
    const Way way = GetParam();
    const Kernels& kernels = way.kernels();
    std::mt19937 random(9);
    std::uniform_real_distribution<float> uniform(-0.7f, 0.7f);
    for (const auto& [dtype, dim] : kCaches) {
        const HeadCache cache = random_cache(kernels, dtype, 530, dim, random);
        HeadCache multiplied = cache;
        multiplied.k = as_multiplied(way, dtype, cache.k);
        multiplied.v = as_multiplied(way, dtype, cache.v);
        for (const uint32_t last : {0u, 1u, 15u, 16u, 63u, 64u, 255u, 256u, 257u, 511u, 529u}) {
            const std::vector<uint32_t> positions = {last / 2, last == 0 ? 0 : last - 1, last};
            std::vector<float> q(3 * dim);
            for (auto& value : q) value = uniform(random);
            const Partial got = attend_all(way, cache, q, positions);
            for (size_t r = 0; r < 3; ++r) {
                const auto want = reference(way, multiplied, q.data() + r * dim, positions[r]);
                for (uint32_t d = 0; d < dim; ++d)
                    ASSERT_NEAR(got.value[r * cache.layout.v_dim + d] / got.weight[r], want[d],
                                way.in_tiles ? 4e-3 : 2e-5)  // weights are rounded too
                        << name(dtype) << " of " << dim << " at " << positions[r];
            }
        }
    }
}

/// Alone, or beside rows that look further: the same bits, though the latter pass over masked tiles and chunks.
TEST_P(Attention, ARowDoesNotSeeItsNeighbours) {
    const Way way = GetParam();
    const Kernels& kernels = way.kernels();
    std::mt19937 random(10);
    std::uniform_real_distribution<float> uniform(-2, 2);
    struct Case {
        KvDtype dtype;
        uint32_t dim;  // heads of 64 in f16 are read where they lie, where a row is alone
    };
    for (const auto& [dtype, dim] :
         {Case{KvDtype::kF16, 16}, Case{KvDtype::kF16, 64}, Case{KvDtype::kF16, 128}, Case{KvDtype::kF32, 16},
          Case{KvDtype::kK8V4, 16}}) {
        const HeadCache cache = random_cache(kernels, dtype, 600, dim, random);
        std::vector<uint32_t> positions(600);
        std::vector<float> q(600 * dim);
        for (uint32_t i = 0; i < 600; ++i) positions[i] = i;
        for (auto& value : q) value = uniform(random);
        const Partial together = attend_all(way, cache, q, positions);
        for (const uint32_t row : {0u, 5u, 62u, 63u, 64u, 200u, 255u, 256u, 300u, 511u, 512u, 599u}) {
            const std::vector<float> own(q.begin() + row * dim, q.begin() + (row + 1) * dim);
            const Partial alone = attend_all(way, cache, own, {row});
            EXPECT_EQ(alone.weight[0], together.weight[row]) << row;
            EXPECT_EQ(std::memcmp(alone.value.data(), &together.value[row * cache.layout.v_dim],
                                  dim * sizeof(float)),
                      0)
                << row;
        }
    }
}

/// An infinite value is no neighbour's business either, though a product reaches past what a row sees.
TEST_P(Attention, AnInfiniteValueStaysWithItsToken) {
    const Way way = GetParam();
    const Kernels& kernels = way.kernels();
    constexpr float kInf = std::numeric_limits<float>::infinity();
    for (const KvDtype dtype : kAllKvDtypes) {
        HeadCache cache;
        cache.layout = kv_head_layout(dtype, 16);
        cache.storage.resize(1, std::vector<std::byte>(cache.layout.bytes));
        cache.blocks.push_back(cache.storage[0].data());
        const std::vector<float> one(16, 1.0f), wild(16, kInf), q(32, 0.5f);
        kernels.store_kv(cache.layout, one.data(), one.data(), 0, cache.storage[0].data());
        kernels.store_kv(cache.layout, one.data(), wild.data(), 1, cache.storage[0].data());
        const Partial both = attend_all(way, cache, q, {0, 1});
        const Partial alone = attend_all(way, cache, std::vector<float>(16, 0.5f), {0});
        EXPECT_EQ(std::memcmp(alone.value.data(), both.value.data(), 16 * sizeof(float)), 0) << name(dtype);
    }
}

void expect_begins_with(const Partial& all, const Partial& some) {
    const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
        return std::memcmp(a.data(), b.data(), b.size() * sizeof(float)) == 0;
    };
    EXPECT_TRUE(same(all.peak, some.peak));
    EXPECT_TRUE(same(all.weight, some.weight));
    EXPECT_TRUE(same(all.value, some.value));
}

/// So few rows are computed in another way than many, or in tiles of fewer than 16: none shows in the bits.
TEST_P(Attention, AnyNumberOfRowsGivesTheBitsOfEach) {
    const Way way = GetParam();
    std::mt19937 random(11);
    std::uniform_real_distribution<float> uniform(-2, 2);
    struct Case {
        uint32_t dim;
        int spread;  // 24: from subnormal numbers to the largest that binary16 has
    };
    for (const auto& [dim, spread] : {Case{64, 0}, Case{64, 24}, Case{96, 0}, Case{128, 5}}) {
        const HeadCache cache = random_cache(way.kernels(), KvDtype::kF16, 330, dim, random, spread);
        std::vector<float> q(size_t{50} * dim);
        for (auto& value : q) value = uniform(random);
        for (const uint32_t last : {0u, 14u, 15u, 16u, 31u, 32u, 47u, 63u, 100u, 329u}) {
            const Partial all = attend_all(way, cache, q, std::vector<uint32_t>(50, last));
            for (uint32_t rows = 1; rows < 50; rows += rows < 18 ? 1 : 7) {
                const std::vector<float> some(q.begin(), q.begin() + size_t{rows} * dim);
                expect_begins_with(all, attend_all(way, cache, some, std::vector<uint32_t>(rows, last)));
                if (HasFailure()) FAIL() << rows << " rows of " << dim << " at " << last << ", " << spread;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Attention, testing::ValuesIn(all_ways()), [](const auto& way) {
    return tier_test_name(way.param.tier) + (way.param.in_tiles ? "_in_tiles" : "");
});

}  // namespace
}  // namespace pitwall::engine::cpu
