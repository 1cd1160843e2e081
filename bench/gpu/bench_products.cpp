// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrix products in the shapes of llama-3.1-8b, and the ceiling of what only moves bytes.
#include <functional>
#include <iostream>
#include <string>

#include "bench/gpu/measure.h"
#include "engine/exec/cuda/executor/fast_products.h"
#include "engine/exec/cuda/executor/pack_matrix.h"
#include "engine/exec/cuda/kernels/row_major.h"

namespace pitwall::cuda::bench {
namespace {

constexpr uint64_t kOutOfCache = uint64_t{256} << 20;  ///< several times the second-level cache

struct Shape {
    const char* name;
    uint32_t rows, columns;
};
std::vector<Shape> shapes_of(const Device& device) {
    if (device.tiny()) return {{"qkv", 128, 64}};
    return {{"qkv", 6144, 4096}, {"output", 4096, 4096}, {"gate_up", 28672, 4096}, {"down", 4096, 14336}};
}
using Counts = std::vector<uint32_t>;

const char* name_of(MatrixFormat format) {
    switch (format) {
        case MatrixFormat::kHalf:
            return "f16";
        case MatrixFormat::kBfloat:
            return "bf16";
        case MatrixFormat::kNibble:
            return "int4";
        case MatrixFormat::kByte:
            return "int8";
        case MatrixFormat::kByte16:
            return "int8 groups of 16";
        case MatrixFormat::kFloat8:
            return "fp8";
    }
    return "";
}

/// The same matrix several times over, so that no run finds its weights in the cache.
struct Weights {
    std::vector<DeviceMemory> memory;
    std::vector<DeviceMatrix> copies;
};

Weights make_weights(Device& device, MatrixFormat format, const Shape& shape) {
    const uint64_t bytes = packed_bytes(format, shape.rows, shape.columns);
    Weights weights;
    for (uint64_t total = 0; (total < kOutOfCache && !device.tiny()) || weights.copies.size() < 2;
         total += bytes) {
        weights.memory.push_back(device.random_numbers(2 * bytes));  // values, then more than the scales take
        const std::byte *data = weights.memory.back().data(), *scales = data + bytes;
        weights.copies.push_back(
            {format, shape.rows, shape.columns, data, scales, bytes, reinterpret_cast<const float*>(scales)});
    }
    return weights;
}

using Multiply = std::function<void(const MultiplyArgs&)>;

void bench_tokens(Device& device, const Weights& weights, const Shape& shape, uint32_t tokens,
                  const char* what, const Multiply& multiply) {
    const MatrixFormat format = weights.copies[0].format;
    const uint32_t ld = padded_columns(shape.columns);
    const DeviceMemory x = device.random_numbers(uint64_t{tokens} * ld * 2),
                       scales = device.upload(std::vector<float>(tokens, 1.0f)),
                       out = device.allocate(uint64_t{tokens} * shape.rows * sizeof(float));
    const Operand operand{x.as<uint16_t>(), scales.as<float>(), shape.columns, ld, operand_number(format)};
    const auto run = [&](uint32_t i) {
        multiply({weights.copies[i % weights.copies.size()], operand, tokens, out.as<float>(), shape.rows,
                  Epilogue::kStore});
    };
    const double bytes = static_cast<double>(weights.copies[0].bytes);
    const double flops = 2.0 * shape.rows * shape.columns * tokens;
    report({{"what", what}, {"format", name_of(format)}, {"shape", shape.name}, {"tokens", tokens}},
           device.measure(run, tokens > 512 ? 4 : 16), tokens <= 64 ? bytes : 0, flops);
}

void bench_shape(Device& device, MatrixFormat format, const Shape& shape) {
    const Weights weights = make_weights(device, format, shape);
    for (const uint32_t tokens :
         device.tiny() ? Counts{1, 20} : Counts{1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096})
        bench_tokens(device, weights, shape, tokens, "product",
                     [&](const MultiplyArgs& args) { multiply(device.stream(), args); });
}

/// What products cost with batch_invariant off, from fewer tokens on than it takes them for (FastProducts::kLeastTokens), and what
/// of that is the unpacking of weights.
void bench_fast_shape(Device& device, MatrixFormat format, const Shape& shape) {
    const uint32_t most_tokens = device.tiny() ? 256 : 4096;
    const Weights weights = make_weights(device, format, shape);
    DeviceModel model;
    for (const DeviceMatrix& copy : weights.copies)
        model.layers.push_back({nullptr, nullptr, copy, copy, copy, copy});
    FastProducts fast = must(FastProducts::create(model, most_tokens, device.stream()));
    for (const uint32_t tokens :
         device.tiny() ? Counts{most_tokens} : Counts{64, 128, 256, 512, 1024, 2048, most_tokens})
        bench_tokens(device, weights, shape, tokens, "fast product",
                     [&](const MultiplyArgs& args) { fast.multiply(device.stream(), args); });
    must(fast.take_failure());
    const DeviceMemory unpacked = device.allocate(row_major_bytes(weights.copies[0]));
    const auto unpack = [&](uint32_t i) {
        unpack_matrix(device.stream(), weights.copies[i % weights.copies.size()], unpacked.as<uint16_t>());
    };
    report({{"what", "unpack"}, {"format", name_of(format)}, {"shape", shape.name}},
           device.measure(unpack, 16), static_cast<double>(weights.copies[0].bytes + unpacked.bytes()), 0);
}

}  // namespace

void bench_ceilings(Device& device) {
    const uint64_t bytes = uint64_t{2} << (device.tiny() ? 20 : 30);
    const DeviceMemory from = device.random_numbers(bytes), to = device.allocate(bytes);
    const auto copy = [&](uint32_t) { device.stream().copy_on_device(to.data(), from.data(), bytes); };
    report({{"what", "copy"}, {"bytes", 2 * bytes}}, device.measure(copy, 4),
           2.0 * static_cast<double>(bytes), 0);
}

void bench_products(Device& device) {
    for (const MatrixFormat format : {MatrixFormat::kBfloat, MatrixFormat::kFloat8, MatrixFormat::kNibble,
                                      MatrixFormat::kByte, MatrixFormat::kHalf})
        for (const Shape& shape : shapes_of(device)) bench_shape(device, format, shape);
}

void bench_fast_products(Device& device) {
    const auto library = MatrixLibrary::open();
    std::cout << nlohmann::json{{"what", "matrix library"},
                                {"name", library.ok() ? library.value().name() : library.error().text()}}
                     .dump()
              << std::endl;
    if (!library.ok()) return;
    for (const MatrixFormat format :
         {MatrixFormat::kBfloat, MatrixFormat::kFloat8, MatrixFormat::kNibble, MatrixFormat::kByte})
        for (const Shape& shape : shapes_of(device)) bench_fast_shape(device, format, shape);
}

}  // namespace pitwall::cuda::bench
