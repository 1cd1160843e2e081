// SPDX-License-Identifier: GPL-3.0-or-later
//
// The kernels on a device whose blocks can have 99 KiB of shared memory: compute capability 8.6, 8.9, 12.0. They choose other
// shapes there, and give the same bits.
#include "tests/engine/exec/cuda/attention_fixture.h"
#include "tests/engine/exec/cuda/emulated_limits.h"
#include "tests/engine/exec/cuda/multiply_fixture.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kSmall = 101376;

class EmulatedSmallDevice : public CudaMultiply {};

const Stored kStored[] = {TensorType::kQ4_1, TensorType::kQ8_0, TensorType::kQ6_K, TensorType::kF16,
                          Stored(TensorType::kBF16, WeightDtype::kFp8)};

/// Rows enough that the largest device takes its largest blocks, columns enough that each has all of its warps.
TEST_F(EmulatedSmallDevice, ProductsWithFewTokensHaveTheBitsOfALargeOne) {
    if (kSanitized) GTEST_SKIP() << "the same code as in shorter products, for minutes";
    constexpr uint32_t kRows = 4300, kColumns = 512;
    for (const Stored& type : kStored) {
        const TestMatrix matrix(stream, type, kRows, kColumns, Epilogue::kStore, random);
        const Activations x(stream, 64, matrix.device.matrix, random);
        for (const uint32_t tokens : {32u, 64u}) {
            const auto large = multiplied(matrix, x.operand, tokens, multiply_few);
            const EmulatedLimits limits(kSmall);
            expect_same(multiplied(matrix, x.operand, tokens, multiply_few), large.data());
        }
        ASSERT_FALSE(HasFailure()) << type.name();
    }
}

TEST_F(EmulatedSmallDevice, ProductsWithManyTokensHaveTheBitsOfALargeOne) {
    if (kSanitized) GTEST_SKIP() << "the same code as in shorter products, for minutes";
    constexpr uint32_t kRows = 8560, kTokens = 128;
    for (const Stored& type : kStored) {
        const uint32_t columns = engine::block_values(type.type) > 32 ? 256 : 64;
        const TestMatrix matrix(stream, type, kRows, columns, Epilogue::kStore, random);
        const Activations x(stream, kTokens, matrix.device.matrix, random);
        const auto large = multiplied(matrix, x.operand, kTokens, multiply_many);
        const EmulatedLimits limits(kSmall);
        expect_same(multiplied(matrix, x.operand, kTokens, multiply_many), large.data());
        ASSERT_FALSE(HasFailure()) << type.name();
    }
}

TEST_F(EmulatedSmallDevice, AttentionHasTheBitsOfALargeOne) {
    for (const KvDtype dtype : {KvDtype::kF16, KvDtype::kBf16, KvDtype::kInt8, KvDtype::kK8V4})
        for (const uint32_t head_dim : {64u, 128u}) {
            const AttentionShapes shapes{.dtype = dtype, .head_dim = head_dim, .heads = 6, .kv_heads = 2};
            const std::vector<uint32_t> lengths = {kSanitized ? 150u : 330u, 70, 1};
            const std::vector<StepRows> prompts = {{0, 0, lengths[0] - 30}, {1, 0, 70}, {2, 0, 1}};
            const std::vector<StepRows> rest = {
                {0, lengths[0] - 30, 30}};  // over what is cached, its chunks apart
            AttentionBench bench(stream, shapes, lengths, 3);
            const auto large = bench.run(prompts), large_rest = bench.run(rest);
            const EmulatedLimits limits(kSmall);
            AttentionBench small(stream, shapes, lengths, 3);
            EXPECT_EQ(small.run(prompts), large) << int(dtype) << " " << head_dim;
            EXPECT_EQ(small.run(rest), large_rest) << int(dtype) << " " << head_dim;
        }
}

}  // namespace
}  // namespace pitwall::cuda
