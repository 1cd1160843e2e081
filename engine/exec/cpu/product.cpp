// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/product.h"

#include <algorithm>
#include <cstring>

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kStripPanels = 4;
/// Activations of so many tokens stay in the second-level cache while panels pass by.
constexpr uint32_t kTokenBlock = 128;
/// So much of k is unpacked at a time: the weights of a strip stay in the first-level cache over all tokens.
constexpr uint32_t kDepthBlock = 128;
constexpr size_t kWeightFloats = size_t{kDepthBlock} * kStripPanels * kPanelRows;
constexpr size_t kSumFloats = size_t{kTokenBlock} * kStripPanels * kPanelRows;

}  // namespace

/// Up to four neighbouring panels by up to kTokenBlock tokens: the work of one call.
struct Multiplier::Strip {
    const Product::Panel* panels;
    uint32_t panel_count, k;
    const float* x;
    size_t ldx;
    uint32_t first_token, tokens;
    const Output* out;
};

void Product::count(const PackedMatrix& matrix) {
    k_ = matrix.columns();
    bytes_ += matrix.bytes();
    macs_ += uint64_t{matrix.rows()} * matrix.columns();
}

void Product::append(const PackedMatrix& matrix, uint32_t first_column) {
    count(matrix);
    for (uint32_t i = 0; i < matrix.panels(); ++i)
        panels_.push_back({matrix.panel(i), matrix.format(), first_column + i * kPanelRows});
}

void Product::append_pairs(const PackedMatrix& gate, const PackedMatrix& up) {
    count(gate);
    count(up);
    for (uint32_t i = 0; i < gate.panels(); ++i) {
        panels_.push_back({gate.panel(i), gate.format(), i * kPanelRows});
        panels_.push_back({up.panel(i), up.format(), i * kPanelRows});
    }
}

Result<Multiplier> Multiplier::create(ThreadPool& pool, const Kernels& kernels) {
    Multiplier multiplier(pool, kernels);
    auto scratch =
        PageBuffer::allocate(pool.threads() * (kWeightFloats + kSumFloats) * sizeof(float), "products");
    if (!scratch.ok()) return scratch.error();
    multiplier.scratch_ = std::move(scratch).value();
    return multiplier;
}

void Multiplier::multiply(const Product& product, const float* x, size_t ldx, uint32_t tokens,
                          const Output& out) {
    const auto pairs = static_cast<uint32_t>((product.panels().size() + 1) / 2);
    const uint32_t blocks = (tokens + kTokenBlock - 1) / kTokenBlock;
    pool_->run(pairs * blocks, kStripPanels / 2, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        while (begin < end) {
            const uint32_t block = begin / pairs, pair = begin % pairs;
            const uint32_t count = std::min(end - begin, pairs - pair);
            const auto panel_count =
                std::min<uint32_t>(2 * count, static_cast<uint32_t>(product.panels().size()) - 2 * pair);
            const auto first_token = static_cast<uint32_t>(uint64_t{tokens} * block / blocks);
            const auto end_token = static_cast<uint32_t>(uint64_t{tokens} * (block + 1) / blocks);
            multiply_strip({product.panels().data() + 2 * size_t{pair}, panel_count, product.k(),
                            x + first_token * ldx, ldx, first_token, end_token - first_token, &out},
                           thread);
            begin += count;
        }
    });
}

void Multiplier::multiply_strip(const Strip& strip, uint32_t thread) {
    float* weights = reinterpret_cast<float*>(scratch_.data()) + thread * (kWeightFloats + kSumFloats);
    float* sums = weights + kWeightFloats;
    const size_t ld = size_t{strip.panel_count} * kPanelRows;
    if (!multiply_direct(strip, sums, ld)) multiply_tiles(strip, weights, sums, ld);
    finish(strip, sums, ld);
}

bool Multiplier::multiply_direct(const Strip& strip, float* sums, size_t ld) {
    if (strip.tokens > kDirectTokens) return false;
    const PanelFormat format = strip.panels[0].format;
    const std::byte* panels[kStripPanels];
    for (uint32_t i = 0; i < strip.panel_count; ++i) {
        if (strip.panels[i].format != format) return false;
        panels[i] = strip.panels[i].data;
    }
    return kernels_->direct(
        {panels, strip.panel_count, format, strip.k, strip.x, strip.ldx, strip.tokens, sums, ld});
}

void Multiplier::multiply_tiles(const Strip& strip, float* weights, float* sums, size_t ld) {
    for (uint32_t k = 0; k < strip.k; k += kDepthBlock) {
        const uint32_t depth = std::min(kDepthBlock, strip.k - k);
        for (uint32_t i = 0; i < strip.panel_count; ++i) {
            kernels_->dequantize(strip.panels[i].format, strip.panels[i].data, k, depth,
                                 weights + size_t{i} * kPanelRows, ld);
        }
        kernels_->tile(
            {strip.x + k, strip.ldx, weights, ld, sums, ld, strip.tokens, strip.panel_count, depth, k > 0});
    }
}

void Multiplier::finish(const Strip& strip, float* sums, size_t ld) {
    const Output& out = *strip.out;
    const bool swiglu = out.epilogue == Epilogue::kSwiglu;
    for (uint32_t token = 0; token < strip.tokens; ++token) {
        float* row = out.row(strip.first_token + token);
        for (uint32_t i = 0; i < strip.panel_count; i += swiglu ? 2 : 1) {
            const uint32_t column = strip.panels[i].column;
            const float* sum = sums + token * ld + size_t{i} * kPanelRows;
            if (swiglu) kernels_->swiglu(sum, sum + kPanelRows, 1, row + column);
            if (out.epilogue == Epilogue::kAdd) kernels_->add(row + column, sum, 1);
            if (out.epilogue == Epilogue::kStore)
                std::memcpy(row + column, sum, std::min(kPanelRows, out.columns - column) * sizeof(float));
        }
    }
}

}  // namespace pitwall::engine::cpu
