// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/fast_products.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/exec/cuda/kernels/row_major.h"

namespace pitwall::cuda {
namespace {

bool is_unpacked(const DeviceMatrix& matrix) { return !has_numbers(matrix.format); }

std::vector<const DeviceMatrix*> matrices_of(const DeviceModel& model) {
    std::vector<const DeviceMatrix*> matrices;
    for (const DeviceLayer& layer : model.layers)
        for (const DeviceMatrix* matrix : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down})
            matrices.push_back(matrix);
    return matrices;
}

/// Bytes of those that are numbers already.
uint64_t number_bytes(const DeviceModel& model) {
    uint64_t bytes = 0;
    for (const DeviceMatrix* matrix : matrices_of(model))
        if (!is_unpacked(*matrix)) bytes += row_major_bytes(*matrix);
    return bytes;
}

/// bfloat16 has no scales to undo: the library writes where the sums belong.
bool ends_in_place(const MultiplyArgs& args) {
    return args.x.number == OperandNumber::kBfloat && args.epilogue != Epilogue::kSwiglu;
}

}  // namespace

Result<FastProducts> FastProducts::create(const DeviceModel& model, uint32_t most_tokens, Stream& stream) {
    FastProducts products;
    auto library = MatrixLibrary::open();
    if (!library.ok()) return products;
    products.library_ = std::move(library).value();
    if (Status status = products.copy_weights(model, stream); !status.ok()) return status.error();
    if (Status status = products.allocate(model, most_tokens); !status.ok()) return status.error();
    return products;
}

/// All or none, for a step is as slow as its slowest products; and only where so much room is left that later requests for
/// memory, which grow with the steps, are not what fails.
Status FastProducts::copy_weights(const DeviceModel& model, Stream& stream) {
    constexpr uint64_t kLeftFree = uint64_t{1} << 30;
    const uint64_t bytes = number_bytes(model);
    if (bytes == 0 || bytes + kLeftFree > free_device_bytes()) return {};
    for (const DeviceMatrix* matrix : matrices_of(model)) {
        if (is_unpacked(*matrix)) continue;
        DeviceMemory& copy = copies_[matrix->values];
        if (Status status = copy.replace(row_major_bytes(*matrix), "weights row by row"); !status.ok())
            return status;
        copied_bytes_ += copy.bytes();
    }
    for (const DeviceMatrix* matrix : matrices_of(model))
        if (!is_unpacked(*matrix)) unpack_matrix(stream, *matrix, copies_.at(matrix->values).as<uint16_t>());
    return stream.synchronize();
}

Status FastProducts::allocate(const DeviceModel& model, uint32_t most_tokens) {
    uint64_t weights = 0, rows = 0;
    for (const DeviceMatrix* matrix : matrices_of(model)) {
        if (!copies_.contains(matrix->values)) weights = std::max(weights, row_major_bytes(*matrix));
        rows = std::max<uint64_t>(rows, stored_rows(*matrix));
    }
    constexpr const char* kWhat = "products by a library";
    if (Status status = weights_.replace(weights, kWhat); !status.ok()) return status;
    if (Status status = sums_.replace(rows * most_tokens * sizeof(float), kWhat); !status.ok()) return status;
    return workspace_.replace(MatrixLibrary::kWorkspaceBytes, kWhat);
}

bool FastProducts::takes(const DeviceMatrix& matrix, uint32_t tokens) const {
    if (!library_ || uint64_t{stored_rows(matrix)} * tokens * sizeof(float) > sums_.bytes()) return false;
    if (copies_.contains(matrix.values)) return tokens >= kLeastTokens;
    // Numbers of 16 bits would be read and written once more for each product: our own kernels read them once.
    return is_unpacked(matrix) && tokens >= kLeastTokensUnpacked &&
           row_major_bytes(matrix) <= weights_.bytes();
}

const uint16_t* FastProducts::row_major(const DeviceMatrix& matrix, Stream& stream) {
    if (const auto copy = copies_.find(matrix.values); copy != copies_.end())
        return copy->second.as<uint16_t>();
    unpack_matrix(stream, matrix, weights_.as<uint16_t>());
    return weights_.as<uint16_t>();
}

void FastProducts::multiply(Stream& stream, const MultiplyArgs& args) {
    const bool in_place = ends_in_place(args);
    const uint32_t columns = padded_columns(args.matrix.columns), stored = stored_rows(args.matrix);
    LibraryProduct product{};
    product.bfloats = args.x.number == OperandNumber::kBfloat;
    product.weights = row_major(args.matrix, stream);
    product.x = args.x.data;
    product.out = in_place ? args.out : sums_.as<float>();
    product.rows = in_place ? args.matrix.rows : stored;
    product.tokens = args.tokens;
    product.columns = product.ld_weights = columns;  // both are filled up with zeros
    product.ld_x = args.x.ld;
    product.ld_out = in_place ? args.ld_out : stored;
    product.add = in_place && args.epilogue == Epilogue::kAdd;
    product.workspace = workspace_.data();
    const Status status = library_->multiply(stream, product);
    if (!status.ok() && failure_.ok()) failure_ = status;
    if (!in_place) finish_product(stream, args, sums_.as<float>());
}

}  // namespace pitwall::cuda
