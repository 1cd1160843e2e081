// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is stored of K and V: as near to what was given as the format allows, wherever it stands.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/exec/cpu/kernels/kernels.h"
#include "telemetry/names.h"
#include "tests/engine/exec/cpu/stored_kv.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

using telemetry::KvDtype;

/// What is to be stored: rounded to binary16 unless all bits are kept, then multiplied with the Hadamard matrix.
std::vector<double> wanted(const KvCoding& coding, const std::vector<float>& x) {
    std::vector<double> rounded;
    for (const float value : x)
        rounded.push_back(coding.number == KvNumber::kF32 ? double(value)
                                                          : double(half_to_float(float_to_half(value))));
    if (coding.rotation < 2) return rounded;
    std::vector<double> out(x.size(), 0);
    for (size_t i = 0; i < x.size(); ++i) {
        const size_t run = i / coding.rotation * coding.rotation;
        for (size_t j = 0; j < coding.rotation; ++j) {
            const int sign = __builtin_parityll((i - run) & j) ? -1 : 1;
            out[i] += sign * rounded[run + j] / std::sqrt(coding.rotation);
        }
    }
    return out;
}

/// Integer codes are as far apart as the values of a group ask for; the rounding of scale and minimum apart.
template <class Step>
void expect_no_coarser(const KvCoding& coding, const std::vector<double>& values, const Step& step) {
    if (coding.number != KvNumber::kInt8 && coding.number != KvNumber::kInt4) return;
    for (size_t begin = 0; begin < values.size(); begin += coding.group) {
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto last = values.begin() +
                          static_cast<std::ptrdiff_t>(std::min<size_t>(values.size(), begin + coding.group));
        const auto [least, most] = std::minmax_element(first, last);
        const double ideal =
            coding.number == KvNumber::kInt4 ? (*most - *least) / 15 : std::max(-*least, *most) / 127;
        ASSERT_LE(step(static_cast<uint32_t>(begin)),
                  ideal * 1.002 + std::abs(*least) * 0x1p-10 / 15 + 0x1p-23)
            << "group at " << begin;
    }
}

class KvFormat : public testing::TestWithParam<KernelTier> {};

TEST_P(KvFormat, HoldsEachValueWithinHalfAStep) {
    const Kernels& kernels = kernels_of(GetParam());
    std::mt19937 random(71);
    std::normal_distribution<float> normal;
    for (const KvDtype dtype : kAllKvDtypes) {
        for (const uint32_t dim : {2u, 12u, 40u, 64u, 80u, 128u}) {
            const KvHeadLayout layout = kv_head_layout(dtype, dim);
            std::vector<std::byte> block(layout.bytes, std::byte{0xff});
            std::vector<std::vector<float>> k(16, std::vector<float>(dim)), v = k;
            for (uint32_t slot = 0; slot < 16; ++slot) {
                const float size = std::ldexp(1.0f, static_cast<int>(slot) - 12);
                for (auto& value : k[slot]) value = size * normal(random);
                for (auto& value : v[slot]) value = size * (1 + normal(random));
                k[slot][slot % 2 == 0 ? 0 : dim - 1] *= 20;  // keys have channels that stand out
            }
            for (uint32_t slot = 0; slot < 16; ++slot)
                kernels.store_kv(layout, k[slot].data(), v[slot].data(), slot, block.data());
            const StoredKv stored(layout, block.data());
            for (uint32_t slot = 0; slot < 16; ++slot) {
                const auto want_k = wanted(layout.k, k[slot]), want_v = wanted(layout.v, v[slot]);
                expect_no_coarser(layout.k, want_k, [&](uint32_t d) { return stored.k_step(slot, d); });
                expect_no_coarser(layout.v, want_v, [&](uint32_t d) { return stored.v_step(slot, d); });
                for (uint32_t d = 0; d < dim; ++d) {
                    // A little over half: scales and minima are rounded themselves, and codes end at the last one.
                    ASSERT_NEAR(
                        stored.k(slot, d), want_k[d],
                        0.52 * stored.k_step(slot, d) + std::abs(want_k[d]) * 2e-3 * (layout.k.groups > 0))
                        << name(dtype) << " of " << dim << ", slot " << slot << ", k " << d;
                    ASSERT_NEAR(
                        stored.v(slot, d), want_v[d],
                        0.52 * stored.v_step(slot, d) + std::abs(want_v[d]) * 2e-3 * (layout.v.groups > 0))
                        << name(dtype) << " of " << dim << ", slot " << slot << ", v " << d;
                }
            }
        }
    }
}

/// Infinities, numbers that are none, zeros: what comes back is finite.
TEST_P(KvFormat, StaysFiniteWhateverIsStored) {
    const Kernels& kernels = kernels_of(GetParam());
    constexpr float kInf = std::numeric_limits<float>::infinity();
    for (const KvDtype dtype : kAllKvDtypes) {
        const KvHeadLayout layout = kv_head_layout(dtype, 64);
        std::vector<std::byte> block(layout.bytes);
        const std::vector<std::vector<float>> rows = {
            std::vector<float>(64, 0.0f), std::vector<float>(64, kInf), std::vector<float>(64, std::nanf("")),
            std::vector<float>(64, 1e-30f), std::vector<float>(64, 3e38f)};
        for (uint32_t slot = 0; slot < rows.size(); ++slot) {
            std::vector<float> mixed = rows[slot];
            mixed[7] = -kInf, mixed[9] = 1;
            kernels.store_kv(layout, rows[slot].data(), mixed.data(), slot, block.data());
            const StoredKv stored(layout, block.data());
            for (uint32_t d = 0; d < 64; ++d) {
                EXPECT_TRUE(std::isfinite(stored.k(slot, d))) << name(dtype) << " row " << slot;
                EXPECT_TRUE(std::isfinite(stored.v(slot, d))) << name(dtype) << " row " << slot;
            }
        }
    }
}

TEST_P(KvFormat, HalvesRoundToNearestAndSaturate) {
    std::mt19937 random(72);
    std::uniform_real_distribution<float> uniform(-70000, 70000);
    const KvHeadLayout layout = kv_head_layout(KvDtype::kF16, 1600);
    std::vector<float> x(1600);
    for (auto& value : x) value = uniform(random);
    for (size_t i = 0; i < 400; ++i) x[i] = std::ldexp(x[i], -static_cast<int>(i % 60));
    x[400] = std::numeric_limits<float>::infinity(), x[401] = -x[400], x[402] = std::nanf(""), x[403] = -0.0f,
    x[404] = 65519.9f;
    std::vector<std::byte> block(layout.bytes);
    kernels_of(GetParam()).store_kv(layout, x.data(), x.data(), 3, block.data());
    for (uint32_t i = 0; i < 1600; ++i) {
        const float bounded = std::isnan(x[i]) ? 65504.0f : std::min(std::max(x[i], -65504.0f), 65504.0f);
        const auto want = double(half_to_float(float_to_half(bounded)));
        ASSERT_EQ(StoredKv(layout, block.data()).k(3, i), want) << x[i];
        ASSERT_EQ(StoredKv(layout, block.data()).v(3, i), want) << x[i];
        ASSERT_EQ(std::signbit(StoredKv(layout, block.data()).k(3, i)), std::signbit(want)) << x[i];
    }
}

TEST(KvLayout, TakesTheBytesThatItSays) {
    const std::pair<KvDtype, double> bytes_per_token[] = {
        {KvDtype::kF32, 512},  {KvDtype::kF16, 256},  {KvDtype::kBf16, 256}, {KvDtype::kFp8, 132},
        {KvDtype::kInt8, 132}, {KvDtype::kK8V4, 106}, {KvDtype::kInt4, 80}};
    for (const auto& [dtype, bytes] : bytes_per_token)
        EXPECT_EQ(kv_head_layout(dtype, 64).bytes, 16 * bytes) << name(dtype);
    const auto times_f16 = [](KvDtype dtype) {
        return double(kv_head_layout(KvDtype::kF16, 64).bytes) / kv_head_layout(dtype, 64).bytes;
    };
    EXPECT_GE(times_f16(KvDtype::kInt8), 1.85);
    EXPECT_GE(times_f16(KvDtype::kInt4), 3.1);
}

INSTANTIATE_TEST_SUITE_P(Kernels, KvFormat, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return tier_test_name(tier.param); });

}  // namespace
}  // namespace pitwall::engine::cpu
