// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is packed comes back out of gather_rows() as what the file says it is.
#include <gtest/gtest.h>

#include <bit>
#include <numeric>

#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "tests/engine/exec/cuda/matrices.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

using engine::TensorType;
using engine::TensorView;

class CudaPackMatrix : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// Those rows of the matrix, and that nothing else is written.
    std::vector<float> rows_of(const HostMatrix& host, const std::vector<int32_t>& ids) {
        const MatrixOnDevice device(stream, host);
        const uint32_t columns = host.shape.columns, ld = columns + 3;
        const DeviceArray<int32_t> device_ids(stream, ids);
        const DeviceArray<float> out(stream, ids.size() * ld);
        gather_rows(stream, {device.matrix, device_ids.data(), nullptr, out.data(), ld},
                    static_cast<uint32_t>(ids.size()));
        std::vector<float> rows;
        const auto all = out.read(), looked_at = with_poison(all);
        for (size_t i = 0; i < all.size(); ++i) {
            if (i % ld < columns)
                rows.push_back(all[i]);
            else
                EXPECT_EQ(std::bit_cast<uint32_t>(looked_at[i]), UINT32_MAX);
        }
        return rows;
    }

    void expect_stack(uint32_t count);

    Stream stream;
    std::mt19937 random{3};
};

std::vector<int32_t> counted(uint32_t count) {
    std::vector<int32_t> ids(count);
    std::iota(ids.begin(), ids.end(), 0);
    return ids;
}

std::vector<uint32_t> columns_for(const Stored& type) {
    switch (engine::block_values(type.type)) {
        case 1:
            return {1, 63, 64, 576, 1100};
        case 32:
            return {32, 64, 96, 576};
        default:
            return {256, 512, 768};
    }
}

TEST_F(CudaPackMatrix, RowsComeBack) {
    for (const Stored& type : all_stored()) {
        for (const uint32_t columns : columns_for(type)) {
            for (const uint32_t rows : {1u, 16u, 17u, 100u}) {
                const RandomTensor tensor(type, rows, columns, random);
                const HostMatrix host = pack_matrix(std::span(&tensor.view, 1), type.dtype);
                EXPECT_EQ(host.shape.bytes,
                          host.values.size() + host.scales.size() + host.row_scales.size() * sizeof(float));
                const bool exact = type.dtype == WeightDtype::kFp8 || type.type == TensorType::kF16 ||
                                   type.type == TensorType::kBF16;
                EXPECT_LE(relative_error(rows_of(host, counted(rows)), tensor.values), exact ? 0 : 5e-4)
                    << type.name() << " " << rows << " x " << columns;
            }
        }
    }
}

TEST_F(CudaPackMatrix, RowsComeInTheOrderAsked) {
    const RandomTensor tensor(TensorType::kF16, 40, 70, random);
    const std::vector<int32_t> ids = {39, 0, 0, 17, 8};
    std::vector<float> want;
    for (const int32_t id : ids)
        want.insert(want.end(), &tensor.values[size_t(id) * 70], &tensor.values[size_t(id) * 70] + 70);
    EXPECT_EQ(rows_of(pack_matrix(std::span(&tensor.view, 1)), ids), want);
}

TEST_F(CudaPackMatrix, FormatsOfStacksHoldAllOfThem) {
    const auto format = [](std::initializer_list<TensorType> types, WeightDtype dtype = WeightDtype::kFile) {
        std::vector<TensorView> views;
        for (const TensorType type : types) views.push_back({type, 1, 256, nullptr, 0});
        return format_for(views, dtype);
    };
    EXPECT_EQ(format({TensorType::kQ4_0, TensorType::kQ4_K}), MatrixFormat::kNibble);
    EXPECT_EQ(format({TensorType::kQ8_0, TensorType::kQ4_1}), MatrixFormat::kByte);
    EXPECT_EQ(format({TensorType::kQ4_K, TensorType::kQ4_K, TensorType::kQ6_K}), MatrixFormat::kByte16);
    EXPECT_EQ(format({TensorType::kQ4_K, TensorType::kF16}), MatrixFormat::kHalf);
    EXPECT_EQ(format({TensorType::kBF16, TensorType::kBF16}), MatrixFormat::kBfloat);
    EXPECT_EQ(format({TensorType::kBF16, TensorType::kF32}), MatrixFormat::kHalf);
    EXPECT_EQ(format({TensorType::kBF16, TensorType::kQ8_0}), MatrixFormat::kHalf);
    EXPECT_EQ(format({TensorType::kBF16, TensorType::kF32, TensorType::kF16}, WeightDtype::kFp8),
              MatrixFormat::kFloat8);
    EXPECT_EQ(format({TensorType::kBF16, TensorType::kQ8_0}, WeightDtype::kFp8), MatrixFormat::kHalf);
    EXPECT_EQ(format({TensorType::kQ8_0}, WeightDtype::kFp8), MatrixFormat::kByte);
}

void CudaPackMatrix::expect_stack(uint32_t count) {
    constexpr TensorType kFloats[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16};
    const bool floats = random() % 2 == 0;
    const WeightDtype dtype = random() % 2 == 0 ? WeightDtype::kFp8 : WeightDtype::kFile;
    std::vector<RandomTensor> tensors;
    std::vector<TensorView> views;
    for (uint32_t i = 0; i < count; ++i)
        tensors.emplace_back(floats ? kFloats[random() % 3] : engine::kAllTypes[random() % 11],
                             1 + random() % 40, 512, random);
    std::vector<float> want, apart;
    for (const RandomTensor& tensor : tensors) {
        views.push_back(tensor.view);
        want.insert(want.end(), tensor.values.begin(), tensor.values.end());
        const auto rows = rows_of(pack_matrix(std::span(&tensor.view, 1), dtype), counted(tensor.view.rows));
        apart.insert(apart.end(), rows.begin(), rows.end());
    }
    const HostMatrix host = pack_matrix(views, dtype);
    const auto got = rows_of(host, counted(host.shape.rows));
    EXPECT_LT(relative_error(got, want), host.shape.format == MatrixFormat::kFloat8 ? 4e-2 : 5e-4);
    if (host.shape.format != MatrixFormat::kHalf) {
        EXPECT_EQ(got, apart);
    }
}

/// A tensor's rows in a stack are those that it has alone; but for 16-bit floats among others.
TEST_F(CudaPackMatrix, StacksChangeNoWeight) {
    for (const uint32_t seed : StormSeeds(4)) {
        random.seed(seed);
        for (uint32_t i = storm_size(12); i > 0; --i) expect_stack(1 + random() % 3);
    }
}

/// Also such as begin and end within a block of 256.
TEST_F(CudaPackMatrix, SomeColumnsAreThoseOfTheWhole) {
    for (const uint32_t seed : StormSeeds(2)) {
        random.seed(seed);
        for (const Stored& type : all_stored()) {
            const RandomTensor tensor(type, 1 + random() % 40, 512, random);
            const uint32_t unit = engine::block_values(type.type) > 1 ? 32 : 1, units = 512 / unit;
            const uint32_t first = random() % units, count = 1 + random() % (units - first);
            const ColumnRange range{first * unit, count * unit};
            const auto ids = counted(tensor.view.rows);
            const auto whole = rows_of(pack_matrix(std::span(&tensor.view, 1), type.dtype), ids);
            std::vector<float> want;
            for (size_t i = 0; i < whole.size(); ++i)
                if (i % 512 >= range.first && i % 512 < range.first + range.count) want.push_back(whole[i]);
            EXPECT_EQ(rows_of(pack_columns(tensor.view, range, type.dtype), ids), want)
                << type.name() << " from " << range.first << ", " << range.count;
        }
    }
}

TEST_F(CudaPackMatrix, GateAndUpTakeTurns) {
    const RandomTensor gate(TensorType::kF16, 13, 64, random), up(TensorType::kF16, 13, 64, random);
    const HostMatrix host = pack_gate_up(gate.view, up.view);
    EXPECT_EQ(host.shape.rows, 26u);
    EXPECT_EQ(row_tiles(host.shape.rows), 2u);
    const auto row = [](const RandomTensor& tensor, uint32_t i) {
        return std::vector<float>(&tensor.values[i * 64], &tensor.values[i * 64] + 64);
    };
    EXPECT_EQ(rows_of(host, {7}), row(gate, 7));
    EXPECT_EQ(rows_of(host, {8}), row(up, 0));
    EXPECT_EQ(rows_of(host, {16 + 4}), row(gate, 12));
    EXPECT_EQ(rows_of(host, {16 + 8 + 4}), row(up, 12));
    EXPECT_EQ(rows_of(host, {16 + 5}), std::vector<float>(64, 0.0f));
}

}  // namespace
}  // namespace pitwall::cuda
