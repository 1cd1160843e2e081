// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products of random matrices and activations, and what they should be.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "engine/exec/cuda/kernels/multiply.h"
#include "engine/exec/cuda/kernels/rows.h"
#include "tests/engine/exec/cuda/matrices.h"

namespace pitwall::cuda {

using engine::TensorType;
using Product = std::function<void(Stream&, const MultiplyArgs&)>;

/// Random activations, rounded for a matrix; rows are sometimes longer than they have to be.
struct Activations {
    Activations(Stream& stream, uint32_t tokens, const DeviceMatrix& matrix, std::mt19937& random)
        : ld(padded_columns(matrix.columns) + random() % 2 * kOperandColumns),
          values(size_t{tokens} * matrix.columns),
          data(stream, size_t{tokens} * ld),
          scales(stream, tokens) {
        std::normal_distribution<float> normal;
        for (float& value : values) value = normal(random);
        operand = {data.data(), scales.data(), matrix.columns, ld, operand_number(matrix.format)};
        const DeviceArray<float> x(stream, values);
        round_rows(stream, {x.data(), matrix.columns, operand}, tokens);
        EXPECT_TRUE(stream.synchronize().ok());
    }
    /// From one of the tokens on.
    Operand from(uint32_t token) const {
        Operand part = operand;
        part.data += size_t{token} * operand.ld;
        part.scales += token;
        return part;
    }
    uint32_t ld;
    std::vector<float> values;
    DeviceArray<uint16_t> data;
    DeviceArray<float> scales;
    Operand operand;
};

/// A matrix of any storage type for any epilogue, as the kernels get it and as numbers.
struct TestMatrix {
    TestMatrix(Stream& stream, const Stored& type, uint32_t rows, uint32_t columns, Epilogue how,
               std::mt19937& random)
        : epilogue(how),
          first(type, rows, columns, random),
          second(type, how == Epilogue::kSwiglu ? rows : 1, columns, random),
          device(stream, how == Epilogue::kSwiglu ? pack_gate_up(first.view, second.view, type.dtype)
                                                  : pack_matrix(std::span(&first.view, 1), type.dtype)) {}
    uint32_t outputs() const { return first.view.rows; }

    /// An output as it should be, and how large it is likely to be: one of a few may be near zero by chance.
    struct Wanted {
        double value, size;
    };
    static Wanted product(const RandomTensor& tensor, uint32_t row, const float* x) {
        double sum = 0, squares = 0;
        const float* weights = &tensor.values[size_t{row} * tensor.view.columns];
        for (uint32_t i = 0; i < tensor.view.columns; ++i) {
            const double term = double(weights[i]) * double(x[i]);
            sum += term;
            squares += term * term;
        }
        return {sum, std::sqrt(squares)};
    }
    Wanted want(uint32_t row, const float* x, float before) const {
        const Wanted one = product(first, row, x);
        if (epilogue == Epilogue::kAdd) return {double(before) + one.value, one.size};
        if (epilogue == Epilogue::kStore) return one;
        const Wanted other = product(second, row, x);
        return {one.value / (1 + std::exp(-one.value)) * other.value, one.size * other.size};
    }

    Epilogue epilogue;
    RandomTensor first, second;
    MatrixOnDevice device;
};

class CudaMultiply : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// Outputs [tokens, rows] of some tokens; what was there before is `before`, of one number.
    std::vector<float> multiplied(const TestMatrix& matrix, const Operand& x, uint32_t tokens,
                                  const Product& product, float before = 0.5f) {
        const uint32_t rows = matrix.outputs(), ld = rows + 5;
        std::vector<float> initial(size_t{tokens + 1} * ld, std::bit_cast<float>(UINT32_MAX));
        if (matrix.epilogue == Epilogue::kAdd)
            for (size_t i = 0; i < size_t{tokens} * ld; ++i)
                if (i % ld < rows) initial[i] = before;
        const DeviceArray<float> out(stream, initial);
        product(stream, {matrix.device.matrix, x, tokens, out.data(), ld, matrix.epilogue});
        std::vector<float> got;
        const auto all = out.read();
        for (size_t i = 0; i < all.size(); ++i) {
            if (i < size_t{tokens} * ld && i % ld < rows)
                got.push_back(all[i]);
            else
                EXPECT_EQ(std::bit_cast<uint32_t>(all[i]), UINT32_MAX) << "written outside, at " << i;
        }
        return got;
    }

    void expect_agreement(const Stored& type, uint32_t rows, uint32_t columns, uint32_t tokens,
                          Epilogue epilogue, const Product& product) {
        const TestMatrix matrix(stream, type, rows, columns, epilogue, random);
        const Activations x(stream, tokens, matrix.device.matrix, random);
        const auto got = multiplied(matrix, x.operand, tokens, product);
        const double error = error_of(got, matrix, x, tokens);
        EXPECT_LT(error, (epilogue == Epilogue::kSwiglu ? 2 : 1) * tolerance_of(matrix.device.matrix.format))
            << type.name() << " " << rows << " x " << columns << ", " << tokens << " tokens, epilogue "
            << int(epilogue);
    }

    static double error_of(const std::vector<float>& got, const TestMatrix& matrix, const Activations& x,
                           uint32_t tokens) {
        double errors = 0, sizes = 0;
        for (size_t i = 0; i < got.size(); ++i) {
            const size_t token = i / matrix.outputs();
            const auto want = matrix.want(static_cast<uint32_t>(i % matrix.outputs()),
                                          &x.values[token * matrix.device.matrix.columns], 0.5f);
            errors += std::pow(double(got[i]) - want.value, 2);
            sizes += std::pow(want.size, 2);
        }
        EXPECT_EQ(got.size(), size_t{tokens} * matrix.outputs());
        return std::sqrt(errors / sizes);
    }

    static void expect_same(const std::vector<float>& got, const float* want) {
        EXPECT_EQ(std::memcmp(got.data(), want, got.size() * sizeof(float)), 0);
    }

    Stored any_stored() { return all_stored()[random() % all_stored().size()]; }
    Product any_product() {
        const Product products[] = {multiply, multiply_few, multiply_many};
        return products[random() % 3];
    }

    Stream stream;
    std::mt19937 random{11};
};

inline constexpr Epilogue kEpilogues[] = {Epilogue::kStore, Epilogue::kAdd, Epilogue::kSwiglu};

}  // namespace pitwall::cuda
