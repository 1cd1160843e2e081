// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products by a library, with what surrounds them: unpacked weights, scales of tokens, epilogues.
#include "engine/exec/cuda/executor/fast_products.h"
#include "engine/exec/cuda/kernels/row_major.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cuda/multiply_fixture.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

/// A model of that matrix alone.
DeviceModel model_of(const DeviceMatrix& matrix) {
    DeviceModel model;
    model.layers.push_back({nullptr, nullptr, matrix, matrix, matrix, matrix});
    return model;
}

class CudaFastProducts : public CudaMultiply {
  protected:
    void SetUp() override {
        CudaMultiply::SetUp();
        if (const auto library = MatrixLibrary::open(); !library.ok()) GTEST_SKIP() << library.error().text();
    }
    /// Whatever takes() says, so that few tokens are tried too.
    Product fast_product(uint32_t most_tokens) {
        return [most_tokens](Stream& to, const MultiplyArgs& args) {
            auto made = FastProducts::create(model_of(args.matrix), most_tokens, to);
            ASSERT_TRUE(made.ok()) << made.error().text();
            made.value().multiply(to, args);
            const Status failure = made.value().take_failure();
            EXPECT_TRUE(failure.ok()) << failure.error().text();
            EXPECT_TRUE(to.synchronize().ok());  // its memory ends here
        };
    }
};

/// Rows that fill no tile, columns that fill no tile, tokens that fill nothing.
TEST_F(CudaFastProducts, AgreeWithFloat64InEveryFormat) {
    constexpr uint32_t kTokens[] = {1, 7, 130, 257}, kRows[] = {1, 16, 17, 100};
    for (const uint32_t seed : StormSeeds(1)) {
        random.seed(seed);
        for (const Stored& type : all_stored())
            for (const Epilogue epilogue : kEpilogues) {
                const uint32_t block = engine::block_values(type.type);
                const uint32_t columns = block * (1 + random() % (300 / block + 1));
                const uint32_t tokens = kTokens[random() % (kSanitized ? 2 : 4)];
                expect_agreement(type, kRows[random() % 4], columns, tokens, epilogue, fast_product(tokens));
            }
    }
}

TEST_F(CudaFastProducts, ManyTokens) {
    if (kSanitized) GTEST_SKIP() << "the same code as with fewer, for a minute";
    for (const Stored& type : {Stored(TensorType::kBF16), Stored(TensorType::kF16), Stored(TensorType::kQ4_K),
                               Stored(TensorType::kBF16, WeightDtype::kFp8)})
        expect_agreement(type, 40, 512, 1100, Epilogue::kSwiglu, fast_product(1100));
    expect_agreement(TensorType::kBF16, 33, 96, 1100, Epilogue::kAdd, fast_product(1100));
}

/// The library's sums are in another order: were bits the same, nothing would have shown that it was asked.
TEST_F(CudaFastProducts, SumsAreInAnotherOrder) {
    for (const Stored& type : {Stored(TensorType::kBF16), Stored(TensorType::kF16), Stored(TensorType::kQ4_0),
                               Stored(TensorType::kBF16, WeightDtype::kFp8)}) {
        const TestMatrix matrix(stream, type, 48, 576, Epilogue::kStore, random);
        const Activations x(stream, 20, matrix.device.matrix, random);
        EXPECT_NE(multiplied(matrix, x.operand, 20, fast_product(20)),
                  multiplied(matrix, x.operand, 20, multiply));
    }
}

/// The numbers that the embedding is read as, row after row, and zeros around them; a row's scale is not in them.
TEST_F(CudaFastProducts, UnpackedWeightsAreThoseOfProducts) {
    for (const Stored& type : all_stored()) {
        SCOPED_TRACE(type.name());
        const RandomTensor tensor(type, 21, engine::block_values(type.type) == 256 ? 256 : 96, random);
        const HostMatrix host = pack_matrix(std::span(&tensor.view, 1), type.dtype);
        const MatrixOnDevice device(stream, host);
        const DeviceMatrix& m = device.matrix;
        const uint32_t ld = padded_columns(m.columns);
        const DeviceArray<uint16_t> unpacked(stream, row_major_bytes(m) / sizeof(uint16_t));
        unpack_matrix(stream, m, unpacked.data());
        std::vector<int32_t> ids(m.rows);
        for (uint32_t i = 0; i < m.rows; ++i) ids[i] = static_cast<int32_t>(i);
        const DeviceArray<int32_t> device_ids(stream, ids);
        const DeviceArray<float> gathered(stream, size_t{m.rows} * m.columns);
        gather_rows(stream, {m, device_ids.data(), nullptr, gathered.data(), m.columns}, m.rows);
        const auto bits = unpacked.read();
        const auto want = gathered.read();
        for (uint32_t row = 0; row < stored_rows(m); ++row) {
            const float scale = has_row_scales(m.format) ? host.row_scales[row] : 1;
            for (uint32_t column = 0; column < ld; ++column) {
                const uint16_t got = bits[size_t{row} * ld + column];
                const float value = m.format == MatrixFormat::kBfloat ? engine::bfloat16_to_float(got)
                                                                      : engine::half_to_float(got);
                const bool filled_up = row >= m.rows || column >= m.columns;
                ASSERT_EQ(value * scale, filled_up ? 0 : want[size_t{row} * m.columns + column])
                    << "row " << row << ", column " << column;
            }
        }
    }
}

/// Few tokens are left to kernels that read fewer bytes, and so is what has no room in the scratch memory: the vocabulary.
TEST_F(CudaFastProducts, TakesWhatIsWorthIt) {
    for (const Stored& type : {Stored(TensorType::kBF16), Stored(TensorType::kQ4_0),
                               Stored(TensorType::kBF16, WeightDtype::kFp8)}) {
        const TestMatrix matrix(stream, type, 32, 64, Epilogue::kStore, random);
        DeviceMatrix larger = matrix.device.matrix;
        larger.rows = 64;
        larger.values += 1;
        const auto made = FastProducts::create(model_of(matrix.device.matrix), 512, stream);
        ASSERT_TRUE(made.ok());
        const FastProducts& fast = made.value();
        const bool copied = fast.copied_bytes() > 0;
        EXPECT_EQ(copied, has_numbers(matrix.device.matrix.format));
        const uint32_t least = copied ? FastProducts::kLeastTokens : FastProducts::kLeastTokensUnpacked;
        EXPECT_FALSE(fast.takes(matrix.device.matrix, least - 1));
        EXPECT_TRUE(fast.takes(matrix.device.matrix, least));
        EXPECT_TRUE(fast.takes(matrix.device.matrix, 512));
        EXPECT_FALSE(fast.takes(matrix.device.matrix, 513));
        EXPECT_FALSE(fast.takes(larger, 256));
    }
}

}  // namespace
}  // namespace pitwall::cuda
