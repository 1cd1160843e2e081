// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/packed_matrix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/exec/cpu/kernels/kernels.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

class EveryType : public testing::TestWithParam<TensorType> {};

struct Sample {
    std::vector<std::byte> blocks;
    TensorView view;
    std::vector<float> values;  ///< [rows, columns] as GGUF defines them
};

Sample make_sample(TensorType type, uint32_t rows, uint32_t columns) {
    std::mt19937 random(11);
    Sample sample;
    sample.blocks = random_blocks(type, size_t{rows} * columns, 1.0f, random);
    sample.view = {type, rows, columns, sample.blocks.data(), sample.blocks.size()};
    sample.values.resize(size_t{rows} * columns);
    dequantize(type, sample.view.data, sample.values.size(), sample.values.data());
    return sample;
}

/// A scale, an offset and a sum may round once each.
void expect_close(float got, float want, TensorType type, size_t index) {
    ASSERT_NEAR(got, want, 1e-6f * (1 + std::abs(want))) << tensor_type_name(type) << " value " << index;
}

TEST_P(EveryType, ARowComesBackAsItWas) {
    const uint32_t rows = 37, columns = 512;
    const Sample sample = make_sample(GetParam(), rows, columns);
    ThreadPool pool(2);
    const auto packed = PackedMatrix::pack(sample.view, "sample", pool);
    ASSERT_TRUE(packed.ok());
    std::vector<float> row(columns);
    for (uint32_t r = 0; r < rows; ++r) {
        packed.value().unpack_row(r, row.data());
        for (uint32_t k = 0; k < columns; ++k)
            expect_close(row[k], sample.values[size_t{r} * columns + k], GetParam(), size_t{r} * columns + k);
    }
}

TEST_P(EveryType, EveryTierUnpacksPanels) {
    const uint32_t rows = 21, columns = 768;
    const Sample sample = make_sample(GetParam(), rows, columns);
    ThreadPool pool(1);
    const auto packed = PackedMatrix::pack(sample.view, "sample", pool);
    ASSERT_TRUE(packed.ok());
    const PackedMatrix& matrix = packed.value();
    for (const KernelTier tier : available_kernel_tiers()) {
        for (const auto& [begin, count] :
             {std::pair<uint32_t, uint32_t>{0, 768}, {128, 128}, {32, 64}, {288, 480}}) {
            const size_t ld = 48;
            std::vector<float> out(count * ld, 7.0f);
            for (uint32_t p = 0; p < matrix.panels(); ++p)
                kernels_of(tier).floats.unpack(matrix.format(), matrix.panel(p), begin, count,
                                               out.data() + p * 16, ld);
            for (uint32_t k = 0; k < count; ++k) {
                for (uint32_t r = 0; r < rows; ++r)
                    expect_close(out[k * ld + r], sample.values[size_t{r} * columns + begin + k], GetParam(),
                                 r);
                for (uint32_t r = rows; r < 32; ++r)
                    ASSERT_EQ(out[k * ld + r], 0.0f) << "rows that fill up a panel";
                ASSERT_EQ(out[k * ld + 32], 7.0f) << "nothing else is touched";
            }
        }
    }
}

TEST_P(EveryType, NoPanelIsMuchLargerThanTheFile) {
    const size_t file = row_bytes(GetParam(), 512) * 16;
    const size_t panel = layout_of(panel_format_of(GetParam())).panel_bytes(512);
    EXPECT_GE(panel, file * 99 / 100);
    EXPECT_LE(panel, file * 104 / 100);
}

INSTANTIATE_TEST_SUITE_P(PackedMatrix, EveryType, testing::ValuesIn(kAllTypes),
                         [](const auto& type) { return std::string(tensor_type_name(type.param)); });

TEST(PackedMatrix, FloatColumnsNeedNotFillAGroup) {
    ThreadPool pool(1);
    for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
        const Sample sample = make_sample(type, 20, 41);
        const auto packed = PackedMatrix::pack(sample.view, "sample", pool);
        ASSERT_TRUE(packed.ok());
        std::vector<float> row(41);
        for (const ptrdiff_t r : {3, 19}) {
            packed.value().unpack_row(static_cast<uint32_t>(r), row.data());
            EXPECT_TRUE(std::equal(row.begin(), row.end(), sample.values.begin() + r * 41))
                << tensor_type_name(type);
        }
    }
}

TEST(PackedMatrix, AViewThatDoesNotFitItsBytesIsRefused) {
    Sample sample = make_sample(TensorType::kQ4_1, 16, 64);
    ThreadPool pool(1);
    --sample.view.bytes;
    EXPECT_FALSE(PackedMatrix::pack(sample.view, "sample", pool).ok());
    ++sample.view.bytes;
    sample.view.columns = 48;
    EXPECT_FALSE(PackedMatrix::pack(sample.view, "sample", pool).ok())
        << "48 values are no whole number of blocks";
    EXPECT_FALSE(PackedMatrix::pack({}, "nothing", pool).ok());
}

}  // namespace
}  // namespace pitwall::engine::cpu
