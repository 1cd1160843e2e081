// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/exec/cpu/kernels.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

/// One KV head of one sequence, in blocks, beside the same numbers as float64.
struct HeadCache {
    HeadCache(uint32_t positions, uint32_t head_dim, std::mt19937& random)
        : dim(head_dim), padded((head_dim + 15) / 16 * 16) {
        std::normal_distribution<float> normal;
        storage.resize((positions + 15) / 16,
                       std::vector<uint16_t>(16 * (dim + padded), 0x7bff));  // stale slots hold 65504
        for (uint32_t p = 0; p < positions; ++p) {
            for (uint32_t d = 0; d < dim; ++d) {
                const uint16_t key = float_to_half(normal(random)), value = float_to_half(normal(random));
                storage[p / 16][d * 16 + p % 16] = key;
                storage[p / 16][dim * 16 + p % 16 * padded + d] = value;
                k.push_back(double(half_to_float(key)));
                v.push_back(double(half_to_float(value)));
            }
        }
        for (const auto& block : storage) blocks.push_back(reinterpret_cast<const std::byte*>(block.data()));
    }
    uint32_t dim, padded;
    std::vector<std::vector<uint16_t>> storage;
    std::vector<const std::byte*> blocks;
    std::vector<double> k, v;  ///< [positions, dim]
};

struct Partial {
    std::vector<float> peak, weight, value;
};

Partial attend_chunk(const Kernels& kernels, const HeadCache& cache, const std::vector<float>& q,
                     const std::vector<uint32_t>& positions, uint32_t first) {
    const size_t rows = positions.size();
    Partial out{std::vector<float>(rows), std::vector<float>(rows), std::vector<float>(rows * cache.padded)};
    std::vector<float> scratch(attention_scratch_floats(rows, cache.padded), std::nanf(""));
    kernels.attend({q.data(), cache.dim, positions.data(), static_cast<uint32_t>(rows), positions.back(),
                    first, cache.blocks.data() + first / 16, cache.dim, cache.padded, scratch.data(),
                    out.peak.data(), out.weight.data(), out.value.data()});
    return out;
}

Partial attend_all(const Kernels& kernels, const HeadCache& cache, const std::vector<float>& q,
                   const std::vector<uint32_t>& positions) {
    Partial sum = attend_chunk(kernels, cache, q, positions, 0);
    for (uint32_t first = kAttentionChunk; first <= positions.back(); first += kAttentionChunk) {
        const Partial next = attend_chunk(kernels, cache, q, positions, first);
        for (size_t r = 0; r < positions.size(); ++r) {
            kernels.merge({&sum.peak[r], &sum.weight[r], &sum.value[r * cache.padded], next.peak[r],
                           next.weight[r], &next.value[r * cache.padded], cache.padded});
        }
    }
    return sum;
}

std::vector<double> reference(const HeadCache& cache, const float* q, uint32_t position) {
    std::vector<double> out(cache.dim, 0.0);
    double sum = 0;
    for (uint32_t p = 0; p <= position; ++p) {
        double score = 0;
        for (uint32_t d = 0; d < cache.dim; ++d) score += double(q[d]) * cache.k[p * cache.dim + d];
        sum += std::exp(score);
        for (uint32_t d = 0; d < cache.dim; ++d) out[d] += std::exp(score) * cache.v[p * cache.dim + d];
    }
    for (double& value : out) value /= sum;
    return out;
}

class Attention : public testing::TestWithParam<KernelTier> {};

TEST_P(Attention, AgreesWithFloat64AtEveryEdge) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(9);
    std::uniform_real_distribution<float> uniform(-0.7f, 0.7f);
    for (const uint32_t dim : {8u, 64u, 80u, 128u}) {
        const HeadCache cache(530, dim, random);
        for (const uint32_t last : {0u, 1u, 15u, 16u, 63u, 64u, 255u, 256u, 257u, 511u, 529u}) {
            const std::vector<uint32_t> positions = {last / 2, last == 0 ? 0 : last - 1, last};
            std::vector<float> q(3 * dim);
            for (auto& value : q) value = uniform(random);
            const Partial got = attend_all(kernels, cache, q, positions);
            for (size_t r = 0; r < 3; ++r) {
                const auto want = reference(cache, q.data() + r * dim, positions[r]);
                for (uint32_t d = 0; d < dim; ++d)
                    ASSERT_NEAR(got.value[r * cache.padded + d] / got.weight[r], want[d], 2e-5)
                        << dim << " at " << positions[r];
            }
        }
    }
}

/// Alone, or beside rows that look further: the same bits, though the latter pass over masked tiles and chunks.
TEST_P(Attention, ARowDoesNotSeeItsNeighbours) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(10);
    std::uniform_real_distribution<float> uniform(-2, 2);
    const uint32_t dim = 16;
    const HeadCache cache(600, dim, random);
    std::vector<uint32_t> positions(600);
    std::vector<float> q(600 * dim);
    for (uint32_t i = 0; i < 600; ++i) positions[i] = i;
    for (auto& value : q) value = uniform(random);
    const Partial together = attend_all(kernels, cache, q, positions);
    for (const uint32_t row : {0u, 5u, 62u, 63u, 64u, 200u, 255u, 256u, 300u, 511u, 512u, 599u}) {
        const std::vector<float> own(q.begin() + row * dim, q.begin() + (row + 1) * dim);
        const Partial alone = attend_all(kernels, cache, own, {row});
        EXPECT_EQ(alone.weight[0], together.weight[row]) << row;
        EXPECT_EQ(std::memcmp(alone.value.data(), &together.value[row * cache.padded], dim * sizeof(float)),
                  0)
            << row;
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Attention, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return std::string(kernel_tier_name(tier.param)); });

}  // namespace
}  // namespace pitwall::engine::cpu
