// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/exec/cuda/multiply_fixture.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

/// Sanitized each takes ten times as long: then one of each kernel's kinds of blocks, and ends inside of them.
const std::vector<uint32_t> kTokens =
    kSanitized ? std::vector<uint32_t>{1, 9, 70} : std::vector<uint32_t>{1, 2, 7, 8, 9, 16, 33, 64, 65, 130};
constexpr uint32_t kRows[] = {1, 16, 17, 100};

std::vector<uint32_t> columns_for(const Stored& type) {
    switch (engine::block_values(type.type)) {
        case 1:
            return {32, 64, 96, 576, 1100};
        case 32:
            return {32, 64, 96, 576};
        default:
            return {256, 768};
    }
}

class CudaMultiplyTypes : public CudaMultiply, public testing::WithParamInterface<Stored> {};

TEST_P(CudaMultiplyTypes, AgreeWithFloat64) {
    uint32_t turn = 0;
    for (const uint32_t columns : columns_for(GetParam())) {
        for (const uint32_t tokens : kTokens) {
            for (const Epilogue epilogue : kEpilogues) {
                expect_agreement(GetParam(), kRows[turn++ % 4], columns, tokens, epilogue,
                                 tokens > 64 ? multiply_many : multiply);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, CudaMultiplyTypes, testing::ValuesIn(all_stored()),
                         [](const auto& i) { return i.param.name(); });

/// Parts of several groups of tiles, whole and not.
TEST_F(CudaMultiply, LongRows) {
    if (kSanitized) GTEST_SKIP() << "the same code as in shorter products, for minutes";
    for (const Stored& type :
         {Stored(TensorType::kF16), Stored(TensorType::kBF16), Stored(TensorType::kQ4_K),
          Stored(TensorType::kQ8_0), Stored(TensorType::kQ6_K), Stored(TensorType::kBF16, WeightDtype::kFp8)})
        for (const uint32_t columns : {2560u, 4096u})
            for (const uint32_t tokens : {1u, 9u, 40u, 70u})
                expect_agreement(type, 33, columns, tokens, Epilogue::kStore,
                                 tokens > 64 ? multiply_many : multiply_few);
}

/// So many rows that blocks take turns, and every shape of a block is chosen by one number of tokens or another.
TEST_F(CudaMultiply, TallMatrices) {
    if (kSanitized) GTEST_SKIP() << "the same code as in shorter products, for minutes";
    constexpr uint32_t kMost = 150;
    for (const Stored& type : {Stored(TensorType::kQ4_1), Stored(TensorType::kQ8_0),
                               Stored(TensorType::kBF16), Stored(TensorType::kBF16, WeightDtype::kFp8)}) {
        const TestMatrix matrix(stream, type, 7700, 160, Epilogue::kStore, random);
        const Activations x(stream, kMost, matrix.device.matrix, random);
        const auto all = multiplied(matrix, x.operand, kMost, multiply_many);
        EXPECT_LT(error_of(all, matrix, x, kMost), tolerance_of(matrix.device.matrix.format));
        for (const uint32_t tokens : {1u, 2u, 8u, 16u, 24u, 40u, 100u})
            for (const Product& product : {Product(multiply_few), Product(multiply_many)})
                expect_same(multiplied(matrix, x.from(3), tokens, product), &all[3 * 7700]);
    }
}

TEST_F(CudaMultiply, AnyShape) {
    for (const uint32_t seed : StormSeeds(4)) {
        random.seed(seed);
        for (uint32_t i = storm_size(16); i > 0; --i) {
            const Stored type = any_stored();
            const uint32_t block = engine::block_values(type.type), most = block == 1 ? 700 : 1024 / block;
            expect_agreement(type, 1 + random() % 150, (1 + random() % most) * block, 1 + random() % 140,
                             kEpilogues[random() % 3], any_product());
        }
    }
}

/// A token's outputs have the same bits whatever tokens are beside it, and whichever kernel takes them.
TEST_F(CudaMultiply, TokensDoNotSeeOneAnother) {
    constexpr uint32_t kMost = 150;
    for (const uint32_t seed : StormSeeds(4)) {
        random.seed(seed);
        const Stored type = any_stored();
        const Epilogue epilogue = kEpilogues[random() % 3];
        const uint32_t rows = 1 + random() % 200;
        const TestMatrix matrix(stream, type, rows, 256 * (1 + random() % 10), epilogue, random);
        const Activations x(stream, kMost, matrix.device.matrix, random);
        const auto all = multiplied(matrix, x.operand, kMost, multiply_few);
        for (uint32_t i = storm_size(12); i > 0; --i) {
            const uint32_t first = random() % kMost, left = kMost - first;
            const uint32_t tokens = 1 + random() % (random() % 2 == 0 ? std::min(left, 9u) : left);
            const auto got = multiplied(matrix, x.from(first), tokens, any_product());
            EXPECT_EQ(std::memcmp(got.data(), &all[size_t{first} * rows], got.size() * sizeof(float)), 0)
                << type.name() << " " << rows << " rows, tokens " << first << " + " << tokens;
        }
    }
}

}  // namespace
}  // namespace pitwall::cuda
