// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/exec/cuda/kernels/rows.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

class CudaRows : public testing::Test {
  protected:
    void SetUp() override {
        auto made = Stream::create();
        ASSERT_TRUE(made.ok());
        stream = std::move(made).value();
    }

    std::vector<float> random_rows(uint32_t rows, uint32_t ld, float size) {
        std::normal_distribution<float> normal(0, size);
        std::vector<float> x(size_t{rows} * ld);
        for (float& v : x) v = normal(random);
        return x;
    }

    Stream stream;
    std::mt19937 random{7};
};

/// An operand's values, its rows' powers of two undone; padding has to be zero.
std::vector<float> values_of(const DeviceArray<uint16_t>& data, const DeviceArray<float>& scales,
                             const Operand& operand, uint32_t rows) {
    const auto bits = data.read();
    const auto scale = scales.read();
    std::vector<float> values;
    for (uint32_t row = 0; row < rows; ++row) {
        for (uint32_t i = 0; i < operand.ld; ++i) {
            const uint16_t number = bits[size_t{row} * operand.ld + i];
            if (i >= operand.columns) {
                EXPECT_EQ(number, 0);
            } else {
                values.push_back(scale[row] * (operand.number == OperandNumber::kHalf
                                                   ? engine::half_to_float(number)
                                                   : engine::bfloat16_to_float(number)));
            }
        }
    }
    return values;
}

TEST_F(CudaRows, NormAgreesWithFloat64) {
    for (const auto number : {OperandNumber::kHalf, OperandNumber::kBfloat}) {
        for (const uint32_t columns :
             {1u, 40u, 64u, 576u, 1000u, 1024u, 1025u, 4096u}) {  // from 1025 on 1024 threads
            const uint32_t rows = 5, sources = 9, ld = columns + 3;
            const auto x = random_rows(sources, ld, 300);
            const auto weight = random_rows(1, columns, 2);
            const std::vector<uint32_t> source_rows = {8, 0, 3, 3, 5};
            const DeviceArray<float> device_x(stream, x), device_weight(stream, weight), scales(stream, rows);
            const DeviceArray<uint32_t> device_sources(stream, source_rows);
            const DeviceArray<uint16_t> data(stream, size_t{rows} * padded_columns(columns));
            const Operand out{data.data(), scales.data(), columns, padded_columns(columns), number};
            rms_norm(stream, {device_x.data(), ld, device_sources.data(), device_weight.data(), 1e-5f, out},
                     rows);
            std::vector<double> want;
            for (const uint32_t source : source_rows) {
                double squares = 0;
                for (uint32_t i = 0; i < columns; ++i)
                    squares += std::pow(double(x[size_t{source} * ld + i]), 2);
                for (uint32_t i = 0; i < columns; ++i)
                    want.push_back(double(x[size_t{source} * ld + i]) / std::sqrt(squares / columns + 1e-5) *
                                   double(weight[i]));
            }
            EXPECT_LT(relative_error(values_of(data, scales, out, rows), want),
                      number == OperandNumber::kHalf ? 5e-4 : 4e-3);
        }
    }
}

/// Values that binary16 could not hold, large and small, come through with its precision.
TEST_F(CudaRows, RoundingTakesRowsOfAnySize) {
    for (const float size : {1e-30f, 1e-6f, 1.0f, 1e5f, 1e30f})
        for (const uint32_t columns : {100u, 1025u, 3000u}) {
            const uint32_t rows = 3;
            const auto x = random_rows(rows, columns, size);
            const DeviceArray<float> device_x(stream, x), scales(stream, rows);
            const DeviceArray<uint16_t> data(stream, size_t{rows} * padded_columns(columns));
            const Operand out{data.data(), scales.data(), columns, padded_columns(columns),
                              OperandNumber::kHalf};
            round_rows(stream, {device_x.data(), columns, out}, rows);
            EXPECT_LT(relative_error(values_of(data, scales, out, rows), x), 5e-4) << size << " " << columns;
        }
}

}  // namespace
}  // namespace pitwall::cuda
