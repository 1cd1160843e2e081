// SPDX-License-Identifier: GPL-3.0-or-later
//
// matrix_library.h where kernels are emulated: plain sums, in another order than that of our kernels, so that a test sees which of
// the two multiplied.
#include <cassert>
#include <vector>

#include "engine/exec/cuda/runtime/host_stream.h"
#include "engine/exec/cuda/runtime/matrix_library.h"
#include "engine/model/half.h"
#include "telemetry/base/environment.h"

namespace pitwall::cuda {
namespace {

std::vector<float> numbers_of(const uint16_t* data, uint32_t rows, uint32_t columns, uint32_t ld,
                              bool bfloats) {
    std::vector<float> numbers;
    numbers.reserve(size_t{rows} * columns);
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t column = 0; column < columns; ++column) {
            const uint16_t bits = data[size_t{row} * ld + column];
            numbers.push_back(bfloats ? engine::bfloat16_to_float(bits) : engine::half_to_float(bits));
        }
    return numbers;
}

/// From the last column to the first, every kLanes-th by itself.
float product_of(const float* a, const float* b, uint32_t columns) {
    constexpr uint32_t kLanes = 8;
    float sums[kLanes] = {};
    for (uint32_t column = columns; column-- > 0;) sums[column % kLanes] += a[column] * b[column];
    float sum = 0;
    for (const float lane : sums) sum += lane;
    return sum;
}

void multiply_now(const LibraryProduct& p) {
    const auto weights = numbers_of(p.weights, p.rows, p.columns, p.ld_weights, p.bfloats);
    const auto x = numbers_of(p.x, p.tokens, p.columns, p.ld_x, p.bfloats);
    for (uint32_t token = 0; token < p.tokens; ++token)
        for (uint32_t row = 0; row < p.rows; ++row) {
            float& out = p.out[size_t{token} * p.ld_out + row];
            const float product =
                product_of(&weights[size_t{row} * p.columns], &x[size_t{token} * p.columns], p.columns);
            out = p.add ? out + product : product;
        }
}

}  // namespace

void release_matrix_library(void*) {}

Result<MatrixLibrary> MatrixLibrary::open() {
    if (environment_text("PITWALL_CUBLASLT") == "off") return matrix_library_is_off();
    return MatrixLibrary();
}

std::string MatrixLibrary::name() const { return "emulated"; }

Status MatrixLibrary::multiply(Stream& stream, const LibraryProduct& product) {
    if (host_faults().products_fail) return Error{"the library of products failed: emulated fault", ""};
    enqueue(stream, [product](uint64_t) { multiply_now(product); });
    return {};
}

}  // namespace pitwall::cuda
