// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floats of a file become as E4M3: rounding, and rows that are not as one expects them.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/rows.h"
#include "engine/model/e4m3.h"
#include "tests/engine/exec/cuda/matrices.h"

namespace pitwall::cuda {
namespace {

using engine::TensorType;

constexpr uint32_t kColumns = 64;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Rows of float32, and their packed form.
class CudaFloat8 : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// Each row begins with these numbers, and goes on with zeros.
    static HostMatrix packed(const std::vector<std::vector<float>>& rows) {
        std::vector<float> numbers(rows.size() * kColumns);
        for (size_t row = 0; row < rows.size(); ++row)
            std::copy(rows[row].begin(), rows[row].end(), &numbers[row * kColumns]);
        const engine::TensorView view{TensorType::kF32, static_cast<uint32_t>(rows.size()), kColumns,
                                      reinterpret_cast<const std::byte*>(numbers.data()),
                                      numbers.size() * sizeof(float)};
        return pack_matrix(std::span(&view, 1), WeightDtype::kFp8);
    }
    static uint8_t code(const HostMatrix& host, uint32_t row, uint32_t column) {
        EXPECT_LT(row, kTileRows);
        EXPECT_LT(column, kTileColumns);
        return std::to_integer<uint8_t>(host.values[byte_offset(place_in_tile(row, column))]);
    }
    /// Products with a token of ones.
    std::vector<float> row_sums(const HostMatrix& host) {
        const MatrixOnDevice device(stream, host);
        const DeviceArray<float> ones(stream, std::vector<float>(kColumns, 1)), scales(stream, 1),
            out(stream, host.shape.rows);
        const DeviceArray<uint16_t> data(stream, kColumns);
        const Operand x{data.data(), scales.data(), kColumns, kColumns, operand_number(host.shape.format)};
        round_rows(stream, {ones.data(), kColumns, x}, 1);
        multiply(stream, {device.matrix, x, 1, out.data(), host.shape.rows, Epilogue::kStore});
        return out.read();
    }

    Stream stream;
};

/// Every code's value is that code; halfway to the next it is the even one of both; a bit further the nearer.
TEST_F(CudaFloat8, RoundsToTheNearestTiesToEven) {
    for (uint32_t code = 0; code < 0x7f; ++code) {
        const auto value = static_cast<float>(e4m3_of(code));
        EXPECT_EQ(engine::float_to_e4m3(value), code);
        EXPECT_EQ(engine::float_to_e4m3(-value), code | 0x80);
        if (code == 0x7e) break;
        const auto middle = static_cast<float>((e4m3_of(code) + e4m3_of(code + 1)) / 2);
        EXPECT_EQ(engine::float_to_e4m3(middle), code + code % 2) << code;
        EXPECT_EQ(engine::float_to_e4m3(std::nextafter(middle, 0.0f)), code) << code;
        EXPECT_EQ(engine::float_to_e4m3(std::nextafter(middle, 1e9f)), code + 1) << code;
    }
}

TEST_F(CudaFloat8, SaturatesAndKeepsNan) {
    for (const float large : {448.0f, 449.0f, 464.0f, 465.0f, 1e30f, kInfinity}) {
        EXPECT_EQ(engine::float_to_e4m3(large), 0x7e) << large;
        EXPECT_EQ(engine::float_to_e4m3(-large), 0xfe) << large;
    }
    EXPECT_EQ(engine::float_to_e4m3(std::nanf("")) & 0x7f, 0x7f);
}

/// In the device's registers each is exactly itself.
TEST_F(CudaFloat8, EveryCodeIsExactInProducts) {
    std::vector<std::vector<float>> rows;
    for (uint32_t code = 0; code < 0x7f; ++code)  // 448 in each row: its scale is 1
        rows.push_back({448, -448, static_cast<float>(e4m3_of(code))});
    const auto sums = row_sums(packed(rows));
    for (uint32_t code = 0; code < 0x7f; ++code) EXPECT_EQ(sums[code], e4m3_of(code)) << code;
}

TEST_F(CudaFloat8, TheLargestOfARowIsTheLargestCode) {
    const HostMatrix host = packed({{3, -1.5f}, {-7e4f, 100}, {1e38f, -3e38f}, {1e-30f, 3e-32f}});
    const float largest[] = {3, 7e4f, 3e38f, 1e-30f};
    for (uint32_t row = 0; row < 4; ++row) EXPECT_EQ(host.row_scales[row], largest[row] / 448) << row;
    EXPECT_EQ(code(host, 0, 0), 0x7e);
    EXPECT_EQ(code(host, 0, 1), engine::float_to_e4m3(-224));
    EXPECT_EQ(code(host, 1, 0), 0xfe);
    EXPECT_EQ(code(host, 2, 1), 0xfe);
    EXPECT_EQ(code(host, 3, 0), 0x7e);
}

TEST_F(CudaFloat8, ARowOfZerosGivesZero) {
    const HostMatrix host = packed({{0}, {-0.0f, 0}, {448}});
    const auto sums = row_sums(host);
    EXPECT_EQ(sums[0], 0);
    EXPECT_EQ(sums[1], 0);
    EXPECT_EQ(sums[2], 448);
}

/// Numbers so small that a 448th of them is none: the scale stays a normal float32, and they lose bits or become zero.
TEST_F(CudaFloat8, SubnormalRowsStayNumbers) {
    const HostMatrix host = packed({{0x1p-149f}, {0x1p-126f, 0x1p-127f}, {0x1p-120f, 0x1p-126f}});
    for (uint32_t row = 0; row < 3; ++row) EXPECT_EQ(host.row_scales[row], 0x1p-126f) << row;
    EXPECT_EQ(code(host, 0, 0), 0);
    EXPECT_EQ(code(host, 1, 0), engine::float_to_e4m3(1));
    EXPECT_EQ(code(host, 1, 1), engine::float_to_e4m3(0.5f));
    EXPECT_EQ(code(host, 2, 0), engine::float_to_e4m3(64));
}

/// What is no finite number shows, in its row alone; no code of the device is NaN.
TEST_F(CudaFloat8, ADamagedRowShows) {
    const HostMatrix host = packed({{1, std::nanf("")}, {1, kInfinity}, {448, 32}, {-kInfinity}, {448, 1}});
    const auto sums = row_sums(host);
    for (const uint32_t row : {0u, 1u, 3u}) {
        EXPECT_TRUE(std::isnan(host.row_scales[row])) << row;
        EXPECT_TRUE(std::isnan(sums[row])) << row;
    }
    EXPECT_EQ(sums[2], 480);
    EXPECT_EQ(sums[4], 449);
    for (const std::byte byte : host.values) EXPECT_NE(std::to_integer<uint32_t>(byte) & 0x7f, 0x7fu);
}

/// Random floats are off by 2^-4 of themselves at most, or by half a step of the smallest numbers.
TEST_F(CudaFloat8, ErrorsAreBounded) {
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> rows(16, std::vector<float>(kColumns));
    for (auto& row : rows)
        for (float& value : row) value = normal(random);
    const HostMatrix host = packed(rows);
    for (uint32_t row = 0; row < 16; ++row)
        for (uint32_t column = 0; column < kColumns; ++column) {
            const double scale = host.row_scales[row], value = rows[row][column];
            const double got = e4m3_of(code(host, row, column)) * scale;
            EXPECT_LE(std::fabs(got - value), std::fmax(std::fabs(value) / 16, scale * 0x1p-10) * (1 + 1e-6));
        }
}

}  // namespace
}  // namespace pitwall::cuda
