// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/exec/test_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/model/half.h"

namespace pitwall::engine {
namespace {

using Matrix = std::vector<double>;

Matrix widened(const TensorView& view) {
    std::vector<float> values(size_t{view.rows} * view.columns);
    dequantize(view.type, view.data, values.size(), values.data());
    return {values.begin(), values.end()};
}

Matrix times(const Matrix& x, const TensorView& weights, size_t tokens) {
    const Matrix w = widened(weights);
    Matrix out(tokens * weights.rows, 0.0);
    for (size_t t = 0; t < tokens; ++t) {
        for (size_t n = 0; n < weights.rows; ++n) {
            for (size_t k = 0; k < weights.columns; ++k)
                out[t * weights.rows + n] += x[t * weights.columns + k] * w[n * weights.columns + k];
        }
    }
    return out;
}

Matrix normalized(const Matrix& x, const TensorView& weight, size_t tokens, double epsilon) {
    const Matrix w = widened(weight);
    const size_t n = w.size();
    Matrix out(x.size());
    for (size_t t = 0; t < tokens; ++t) {
        double squares = 0;
        for (size_t i = 0; i < n; ++i) squares += x[t * n + i] * x[t * n + i];
        const double scale = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
        for (size_t i = 0; i < n; ++i) out[t * n + i] = x[t * n + i] * scale * w[i];
    }
    return out;
}

void rotate(Matrix& x, size_t tokens, size_t heads, size_t dim, double base) {
    for (size_t t = 0; t < tokens; ++t) {
        for (size_t i = 0; i < heads * dim; i += 2) {
            const double angle = static_cast<double>(t) *
                                 std::pow(base, -static_cast<double>(i % dim) / static_cast<double>(dim));
            double& a = x[t * heads * dim + i];
            double& b = x[t * heads * dim + i + 1];
            const double rotated = a * std::cos(angle) - b * std::sin(angle);
            b = a * std::sin(angle) + b * std::cos(angle);
            a = rotated;
        }
    }
}

void round_to_half(Matrix& x) {
    for (double& value : x)
        value = static_cast<double>(half_to_float(float_to_half(static_cast<float>(value))));
}

Matrix attended(const Matrix& q, const Matrix& k, const Matrix& v, const ModelConfig& c, size_t tokens) {
    const size_t dim = c.head_dim, group = c.num_heads / c.num_kv_heads;
    Matrix out(tokens * c.num_heads * dim, 0.0);
    for (size_t t = 0; t < tokens; ++t) {
        for (size_t head = 0; head < c.num_heads; ++head) {
            const double* query = &q[(t * c.num_heads + head) * dim];
            Matrix weight(t + 1);
            double sum = 0;
            for (size_t s = 0; s <= t; ++s) {
                const double* key = &k[(s * c.num_kv_heads + head / group) * dim];
                double score = 0;
                for (size_t d = 0; d < dim; ++d) score += query[d] * key[d];
                weight[s] = std::exp(score / std::sqrt(static_cast<double>(dim)));
                sum += weight[s];
            }
            for (size_t s = 0; s <= t; ++s) {
                const double* value = &v[(s * c.num_kv_heads + head / group) * dim];
                for (size_t d = 0; d < dim; ++d)
                    out[(t * c.num_heads + head) * dim + d] += weight[s] / sum * value[d];
            }
        }
    }
    return out;
}

void add_to(Matrix& sum, const Matrix& term) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
}

}  // namespace

std::vector<TokenId> random_tokens(size_t count, uint32_t vocab, std::mt19937& random) {
    std::vector<TokenId> tokens(count);
    for (auto& token : tokens) token = static_cast<TokenId>(random() % vocab);
    return tokens;
}

TensorView TestModel::add(TensorType type, uint32_t rows, uint32_t columns, float size,
                          std::mt19937& random) {
    const size_t values = size_t{rows} * columns;
    auto bytes = damaged_ ? random_bytes(values / block_values(type) * block_bytes(type), random)
                          : random_blocks(type, values, size, random);
    storage_.push_back(std::make_unique<std::vector<std::byte>>(std::move(bytes)));
    weight_bytes_ += storage_.back()->size();
    return {type, rows, columns, storage_.back()->data(), storage_.back()->size()};
}

TestModel::TestModel(const ModelConfig& config, Types types, uint32_t seed, bool damaged)
    : config_(config), damaged_(damaged) {
    std::mt19937 random(seed);
    const auto matrix = [&](uint32_t rows, uint32_t columns) {
        return add(types.layers, rows, columns, 1.5f / std::sqrt(static_cast<float>(columns)), random);
    };
    const auto norm = [&] { return add(TensorType::kF32, 1, config.hidden_size, 1.0f, random); };
    embedding_ = add(types.head, config.vocab_size, config.hidden_size, 1.0f, random);
    if (!config.tied_embeddings) head_ = add(types.head, config.vocab_size, config.hidden_size, 1.0f, random);
    norm_ = norm();
    const uint32_t q = config.num_heads * config.head_dim, kv = config.num_kv_heads * config.head_dim;
    for (uint32_t i = 0; i < config.num_layers; ++i) {
        layers_.push_back({norm(), matrix(q, config.hidden_size), matrix(kv, config.hidden_size),
                           matrix(kv, config.hidden_size), matrix(config.hidden_size, q), norm(),
                           matrix(config.intermediate_size, config.hidden_size),
                           matrix(config.intermediate_size, config.hidden_size),
                           matrix(config.hidden_size, config.intermediate_size)});
    }
}

ModelConfig odd_config() {
    ModelConfig c;
    c.num_layers = 2, c.hidden_size = 40, c.num_heads = 6, c.num_kv_heads = 2, c.head_dim = 12,
    c.intermediate_size = 50;
    c.vocab_size = 83, c.max_context_tokens = 4096, c.tied_embeddings = false;
    return c;
}

ModelConfig even_config() {
    ModelConfig c;
    c.num_layers = 2, c.hidden_size = 256, c.num_heads = 4, c.num_kv_heads = 2, c.head_dim = 64,
    c.intermediate_size = 256;
    c.vocab_size = 100, c.max_context_tokens = 4096;
    return c;
}

std::vector<double> reference_logits(const Model& model, const std::vector<TokenId>& tokens) {
    const ModelConfig& c = model.config();
    const size_t n = tokens.size();
    const Matrix embedding = widened(model.embedding());
    Matrix x;
    for (const TokenId token : tokens) {
        const auto row = embedding.begin() + static_cast<std::ptrdiff_t>(size_t(token) * c.hidden_size);
        x.insert(x.end(), row, row + c.hidden_size);
    }
    for (uint32_t i = 0; i < c.num_layers; ++i) {
        const LayerWeights& w = model.layer(i);
        const Matrix h = normalized(x, w.attn_norm, n, double(c.rms_epsilon));
        Matrix q = times(h, w.q, n), k = times(h, w.k, n), v = times(h, w.v, n);
        rotate(q, n, c.num_heads, c.head_dim, double(c.rope_base));
        rotate(k, n, c.num_kv_heads, c.head_dim, double(c.rope_base));
        round_to_half(k);
        round_to_half(v);
        add_to(x, times(attended(q, k, v, c, n), w.attn_output, n));
        const Matrix f = normalized(x, w.ffn_norm, n, double(c.rms_epsilon));
        Matrix gate = times(f, w.gate, n);
        const Matrix up = times(f, w.up, n);
        for (size_t j = 0; j < gate.size(); ++j) gate[j] = gate[j] / (1 + std::exp(-gate[j])) * up[j];
        add_to(x, times(gate, w.down, n));
    }
    return times(normalized(x, model.output_norm(), n, double(c.rms_epsilon)), model.output_head(), n);
}

}  // namespace pitwall::engine
