// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/forward.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>

namespace pitwall::engine::cpu {
namespace {

/// Up to so many tokens are embedded and cached by the calling thread, twice as many normalised: waking others costs more.
constexpr uint32_t kSerialTokens = 4;
constexpr uint32_t kTokenGrain = 8;

size_t leading_dimension(uint32_t columns) { return round_to_panel(columns) + kPanelRows; }

}  // namespace

Forward::Forward(const PackedModel& model, ThreadPool& pool, const Kernels& kernels, KvArena& arena,
                 Multiplier multiplier)
    : model_(model),
      pool_(pool),
      kernels_(kernels),
      arena_(arena),
      multiplier_(std::move(multiplier)),
      places_(model, kernels, arena, kMaxTokens),
      attention_(model.config, pool, kernels, arena, places_) {}

Result<std::unique_ptr<Forward>> Forward::create(const PackedModel& model, ThreadPool& pool,
                                                 const Kernels& kernels, KvArena& arena) {
    const uint32_t attended = model.config.num_heads * model.config.head_dim;
    const uint32_t widest = std::max({model.config.hidden_size, model.config.intermediate_size, attended});
    auto multiplier = Multiplier::create(pool, kernels, kMaxTokens, widest);
    if (!multiplier.ok()) return multiplier.error();
    std::unique_ptr<Forward> forward(new Forward(model, pool, kernels, arena, std::move(multiplier).value()));
    const ModelConfig& config = model.config;
    Rows* const buffers[] = {&forward->hidden_, &forward->normed_, &forward->qkv_, &forward->attended_,
                             &forward->activated_};
    const uint32_t columns[] = {config.hidden_size, config.hidden_size, model.qkv_columns,
                                config.num_heads * config.head_dim, config.intermediate_size};
    size_t floats = 0;
    for (const uint32_t count : columns) floats += kMaxTokens * leading_dimension(count);
    auto pages = PageBuffer::allocate(floats * sizeof(float), "activations");
    if (!pages.ok()) return pages.error();
    forward->buffer_ = std::move(pages).value();
    auto* next = reinterpret_cast<float*>(forward->buffer_.data());
    for (size_t i = 0; i < std::size(buffers); ++i) {
        *buffers[i] = {next, leading_dimension(columns[i])};
        next += kMaxTokens * buffers[i]->ld;
    }
    return forward;
}

template <class Work>
void Forward::each_token(uint32_t tokens, uint32_t serial, const Work& work) {
    if (tokens <= serial) {
        for (uint32_t token = 0; token < tokens; ++token) work(token);
        return;
    }
    pool_.run(tokens, kTokenGrain, [&](uint32_t begin, uint32_t end, uint32_t) {
        for (uint32_t token = begin; token < end; ++token) work(token);
    });
}

void Forward::run(std::span<const TokenId> tokens, std::span<const SequenceRows> sequences) {
    assert(tokens.size() <= kMaxTokens);
    const auto count = static_cast<uint32_t>(tokens.size());
    const ModelConfig& config = model_.config;
    embed(tokens);
    places_.take(sequences);
    attention_.plan(sequences);
    for (uint32_t i = 0; i < config.num_layers; ++i) {
        const PackedLayer& layer = model_.layers[i];
        timed(KernelKind::kRowwise, [&] { normalize(hidden_, layer.attn_norm, count, layer.qkv); });
        multiply(layer.qkv, normed_, qkv_, count, Epilogue::kStore);
        timed(KernelKind::kRowwise, [&] { cache_runs(i); });
        timed(KernelKind::kAttention, [&] { attend(i, count); });
        multiply(layer.output, attended_, hidden_, count, Epilogue::kAdd);
        timed(KernelKind::kRowwise, [&] { normalize(hidden_, layer.ffn_norm, count, layer.gate_up); });
        multiply(layer.gate_up, normed_, activated_, count, Epilogue::kSwiglu, &layer.ffn_down);
        multiply(layer.ffn_down, activated_, hidden_, count, Epilogue::kAdd);
    }
    const auto in_runs = static_cast<double>(places_.rows_of_runs().size());
    const double token_bytes = arena_.bytes_per_token();
    this->count(KernelKind::kRowwise, 0, in_runs * token_bytes);
    this->count(KernelKind::kAttention, attention_.flops(),
                attention_.bytes() + (count - in_runs) * token_bytes);
}

template <class Work>
void Forward::timed(KernelKind kind, const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    works_[static_cast<size_t>(kind)].ns +=
        (std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1);
}

void Forward::count(KernelKind kind, double flops, double bytes) {
    works_[static_cast<size_t>(kind)].flops += flops;
    works_[static_cast<size_t>(kind)].bytes += bytes;
}

void Forward::embed(std::span<const TokenId> tokens) {
    each_token(static_cast<uint32_t>(tokens.size()), kSerialTokens, [&](uint32_t token) {
        assert(tokens[token] >= 0 && static_cast<uint32_t>(tokens[token]) < model_.config.vocab_size);
        model_.embedding.unpack_row(static_cast<uint32_t>(tokens[token]), hidden_.row(token));
    });
}

void Forward::normalize(const Rows& from, const std::vector<float>& weight, uint32_t tokens,
                        const Product& product) {
    const ModelConfig& config = model_.config;
    multiplier_.lay_out(product, tokens);
    each_token(tokens, 2 * kSerialTokens, [&](uint32_t token) {
        kernels_.rms_norm(from.row(token), weight.data(), config.hidden_size,
                          round_to_panel(config.hidden_size), config.rms_epsilon, normed_.row(token));
        multiplier_.take_row(token, normed_.row(token));
    });
}

void Forward::cache_runs(uint32_t layer) {
    const std::span<const uint32_t> rows = places_.rows_of_runs();
    each_token(static_cast<uint32_t>(rows.size()), kSerialTokens, [&](uint32_t i) {
        if (kernels_.fetch.kv_tiles > 0 && i + 1 < rows.size() && places_.begins_block(rows[i + 1]))
            places_.ask_for(layer, rows[i + 1]);
        places_.cache_all_heads(layer, rows[i], qkv_.row(rows[i]));
    });
}

/// Into attended_, which the layer's output product is next multiplied with.
void Forward::attend(uint32_t layer, uint32_t tokens) {
    const Product& output = model_.layers[layer].output;
    const bool in_parts = multiplier_.takes_parts(output) && model_.config.head_dim % kGroupValues == 0;
    if (in_parts) multiplier_.lay_out(output, tokens);
    attention_.run(layer, {qkv_.data, qkv_.ld},
                   {attended_.data, attended_.ld, in_parts ? &multiplier_ : nullptr});
}

void Forward::multiply(const Product& product, const Rows& x, const Rows& out, uint32_t tokens,
                       Epilogue epilogue, const Product* only_for) {
    timed(KernelKind::kProduct, [&] {
        multiplier_.multiply(product, x.data, x.ld, tokens,
                             {out.data, out.ld, nullptr, 0, epilogue, only_for});
    });
    count(KernelKind::kProduct, 2.0 * static_cast<double>(product.macs()) * tokens,
          static_cast<double>(product.bytes()));
}

void Forward::head(std::span<const uint32_t> rows, float* const* logits) {
    const auto count = static_cast<uint32_t>(rows.size());
    const ModelConfig& config = model_.config;
    timed(KernelKind::kHead, [&] {
        for (uint32_t i = 0; i < count; ++i) {
            kernels_.rms_norm(hidden_.row(rows[i]), model_.output_norm.data(), config.hidden_size,
                              round_to_panel(config.hidden_size), config.rms_epsilon, normed_.row(i));
        }
        multiplier_.multiply(model_.head, normed_.data, normed_.ld, count,
                             {nullptr, 0, logits, config.vocab_size, Epilogue::kStore});
    });
    this->count(KernelKind::kHead, 2.0 * static_cast<double>(model_.head.macs()) * count,
                static_cast<double>(model_.head.bytes()));
}

}  // namespace pitwall::engine::cpu
