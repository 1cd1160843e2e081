// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/exec/cpu/kernels/kernels.h"
#include "tests/engine/exec/cuda/attention_fixture.h"

namespace pitwall::cuda {
namespace {

constexpr KvDtype kFormats[] = {KvDtype::kF16,  KvDtype::kBf16, KvDtype::kFp8,
                                KvDtype::kInt8, KvDtype::kK8V4, KvDtype::kInt4};

class CudaKvStore : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }
    Stream stream;
};

TEST_F(CudaKvStore, RotationsAreThoseOfFloat64) {
    for (const uint32_t head_dim : {32u, 64u, 128u}) {
        const uint32_t positions = 999, pairs = head_dim / 2;
        const DeviceArray<Float2> rotations(stream, size_t{positions} * pairs);
        fill_rotations(stream, rotations.data(), positions, head_dim, 500000);
        const auto got = rotations.read();
        for (const uint32_t position : {0u, 1u, 500u, 998u})
            for (uint32_t pair = 0; pair < pairs; ++pair) {
                const double angle = position * std::pow(500000.0, -2.0 * pair / head_dim);
                const Float2 turn = got[size_t{position} * pairs + pair];
                EXPECT_NEAR(turn.x, std::cos(angle), 1e-7);
                EXPECT_NEAR(turn.y, std::sin(angle), 1e-7);
            }
    }
}

/// What a format may be off from the values it was given, relative to their size.
double tolerance(engine::KvNumber number) {
    switch (number) {
        case engine::KvNumber::kF16:
            return 4e-4;
        case engine::KvNumber::kBf16:
            return 3e-3;
        case engine::KvNumber::kFp8:
            return 4e-2;
        case engine::KvNumber::kInt8:
            return 1e-2;
        default:
            return 1.2e-1;
    }
}

TEST_F(CudaKvStore, WhatIsStoredIsWhatWasGiven) {
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u}) {
            const AttentionShapes shapes{dtype, head_dim, 2, 2, 2, 1};
            AttentionBench bench(stream, shapes, {37}, 1);
            bench.store_until(0, 37);
            const auto bytes = bench.pool_bytes();
            for (uint32_t position = 0; position < 37; position += 3)
                for (uint32_t head = 0; head < 4; ++head) {
                    const bool value = head >= 2;
                    const auto& coding = value ? bench.pool().layout.v : bench.pool().layout.k;
                    EXPECT_LT(relative_error(bench.stored(bytes, 0, position, head % 2, value),
                                             bench.roped(0, position, 2 + head)),
                              tolerance(coding.number))
                        << int(dtype) << " " << head_dim << " head " << head;
                }
        }
}

/// The CPU's layout of a head's part of a block as the GPU's: K with its tokens apart, nibbles side by side.
std::vector<uint8_t> as_on_gpu(const engine::KvHeadLayout& layout, const std::vector<uint8_t>& cpu) {
    std::vector<uint8_t> gpu(layout.bytes, 0);
    const uint32_t dim = layout.head_dim, k_bits = layout.k_scales * 8 / (dim * 16);
    const uint32_t unit = k_bits == 16 ? 2 : 1, units = layout.k_scales / 16 / unit;
    for (uint32_t token = 0; token < 16; ++token)
        for (uint32_t i = 0; i < units; ++i)
            std::memcpy(gpu.data() + (token * units + i) * unit, cpu.data() + (i * 16 + token) * unit, unit);
    const uint32_t k_scales = layout.k.groups * layout.k.numbers;
    for (uint32_t token = 0; token < 16; ++token)
        for (uint32_t i = 0; i < k_scales; ++i)
            std::memcpy(gpu.data() + layout.k_scales + (token * k_scales + i) * 2,
                        cpu.data() + layout.k_scales + (i * 16 + token) * 2, 2);
    std::copy(cpu.begin() + layout.v_values, cpu.end(), gpu.begin() + layout.v_values);
    if (layout.v.number != engine::KvNumber::kInt4) return gpu;
    for (uint32_t at = 0; at < 16 * dim; at += 2) {
        const auto nibble = [&](uint32_t i) {  // of each 32, i and i + 16 share a byte
            const uint8_t byte = cpu[layout.v_values + i / 32 * 16 + i % 16];
            return i % 32 < 16 ? byte & 15 : byte >> 4;
        };
        gpu[layout.v_values + at / 2] = static_cast<uint8_t>(nibble(at) | nibble(at + 1) << 4);
    }
    return gpu;
}

/// 16 tokens of one query, key and value head [tokens, 3, head_dim], of all sizes; `wild`: some that do not fit or are none.
std::vector<float> rows_of_all_sizes(uint32_t head_dim, bool wild, std::mt19937& random) {
    const size_t columns = size_t{3} * head_dim;
    std::vector<float> qkv(16 * columns);
    for (size_t i = 0; i < qkv.size(); ++i) {
        const int exponent = static_cast<int>(i / columns) * 2 - 20;
        qkv[i] = std::normal_distribution<float>(0, std::ldexp(1.0f, exponent))(random);
    }
    std::fill_n(qkv.begin() + static_cast<ptrdiff_t>(5 * columns), columns, 0.0f);
    if (!wild) return qkv;
    qkv[2 * columns + head_dim + 5] = 1e30f;
    qkv[3 * columns + 2 * head_dim + 7] = -std::numeric_limits<float>::infinity();
    qkv[4 * columns + 2 * head_dim + 9] = std::numeric_limits<float>::quiet_NaN();
    return qkv;
}

std::vector<uint8_t> stored_by_cpu(const engine::KvHeadLayout& layout, const std::vector<float>& qkv) {
    std::vector<uint8_t> head(layout.bytes);
    for (uint32_t token = 0; token < 16; ++token) {
        const float* const k = qkv.data() + size_t{3 * token + 1} * layout.head_dim;
        engine::cpu::plain_kernels().store_kv(layout, k, k + layout.head_dim, token,
                                              reinterpret_cast<std::byte*>(head.data()));
    }
    return as_on_gpu(layout, head);
}

/// Into the second of three blocks, with no rotary embedding (position 0), so that both are given the same float32.
std::vector<uint8_t> stored_by_gpu(Stream& stream, const engine::KvHeadLayout& layout,
                                   const std::vector<float>& qkv) {
    const uint32_t head_dim = layout.head_dim;
    const DeviceArray<float> device_qkv(stream, qkv);
    const DeviceArray<Float2> rotations(stream, std::vector<Float2>(head_dim / 2, {1, 0}));
    const DeviceArray<uint32_t> positions(stream, std::vector<uint32_t>(16, 0));
    std::vector<uint32_t> slots(16);
    std::iota(slots.begin(), slots.end(), 16u);
    const DeviceArray<uint32_t> device_slots(stream, slots);
    const DeviceArray<uint8_t> memory(stream, 3 * size_t{layout.bytes});
    const DeviceArray<uint16_t> q(stream, size_t{16} * head_dim);
    const KvPool pool{reinterpret_cast<std::byte*>(memory.data()), layout.bytes, 1, 1, layout};
    rotate_and_store(stream,
                     {pool, 0, device_qkv.data(), 3 * head_dim, 1, rotations.data(), positions.data(),
                      device_slots.data(), q.data()},
                     16);
    return memory.read();
}

TEST_F(CudaKvStore, CodesAreThoseOfTheCpu) {
    std::mt19937 random(5);
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u}) {
            const engine::KvHeadLayout layout = engine::kv_head_layout(dtype, head_dim);
            // int4 is bounded by less here, see kLargestInt4.
            const bool wild = dtype != KvDtype::kInt4 && dtype != KvDtype::kK8V4;
            const auto qkv = rows_of_all_sizes(head_dim, wild, random);
            std::vector<uint8_t> want(layout.bytes, 0xff);
            const auto own = stored_by_cpu(layout, qkv);
            want.insert(want.end(), own.begin(), own.end());
            want.resize(size_t{3} * layout.bytes, 0xff);
            const auto got = with_poison(stored_by_gpu(stream, layout, qkv));
            const auto differs = std::mismatch(got.begin(), got.end(), want.begin()).first - got.begin();
            EXPECT_TRUE(got == want) << int(dtype) << " " << head_dim << ", byte " << differs;
        }
}

/// What no format holds becomes finite, or it would reach other tokens: 0 times infinity is no number.
TEST_F(CudaKvStore, WhatIsReadIsFinite) {
    for (const KvDtype dtype : kFormats) {
        AttentionBench bench(stream, {.dtype = dtype}, {40}, 7);
        constexpr float kWild[] = {std::numeric_limits<float>::infinity(), -1e38f, 65504, -65504,
                                   std::numeric_limits<float>::quiet_NaN()};
        for (uint32_t i = 0; i < 640; ++i) bench.qkv(0)[256 * 20 + i * 7 % 512] = kWild[i % 5];
        for (const OutputRow& row : bench.run({{0, 0, 20}, {0, 20, 20}}))
            for (const double x : AttentionBench::values_of(row)) ASSERT_TRUE(std::isfinite(x)) << int(dtype);
    }
}

/// Scores are what they would be without any rotation.
TEST_F(CudaKvStore, QueriesTurnWithTheKeys) {
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u}) {
            const AttentionShapes shapes{dtype, head_dim, 3, 1, 1, 0};
            AttentionBench bench(stream, shapes, {5}, 2);
            const DeviceArray<uint16_t> q(stream, size_t{5} * 3 * head_dim);
            bench.store({{0, 0, 5}}, 5, q.data());
            const auto bits = q.read();
            const bool bfloats = dtype == KvDtype::kBf16;
            for (uint32_t row = 0; row < 15; ++row) {
                std::vector<double> got;
                for (uint32_t d = 0; d < head_dim; ++d) {
                    const uint16_t number = bits[row * head_dim + d];
                    got.push_back(static_cast<double>(bfloats ? engine::bfloat16_to_float(number)
                                                              : engine::half_to_float(number)));
                }
                rotate_back(bench.pool().layout.k.rotation, got);
                auto want = bench.roped(0, row / 3, row % 3);
                for (double& x : want) x *= std::log2(std::exp(1.0)) / std::sqrt(head_dim);
                EXPECT_LT(relative_error(got, want), bfloats ? 4e-3 : 5e-4);
            }
        }
}

TEST_F(CudaKvStore, RowsOfNobodyAreNotKept) {
    AttentionBench bench(stream, {.dtype = KvDtype::kInt4}, {16}, 3);
    const auto before = with_poison(bench.pool_bytes());
    const DeviceArray<uint16_t> q(stream, size_t{3} * 128);
    bench.store({}, 3, q.data());
    EXPECT_EQ(with_poison(bench.pool_bytes()), before);
    bench.store({}, 0, q.data());
}

}  // namespace
}  // namespace pitwall::cuda
