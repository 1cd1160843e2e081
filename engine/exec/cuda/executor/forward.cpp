// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/forward.h"

#include <algorithm>

#include "engine/exec/cuda/executor/attention_plan.h"
#include "engine/exec/cuda/kernels/ranks.h"
#include "engine/exec/cuda/kernels/rows.h"

namespace pitwall::cuda {

using engine::KernelKind;

Result<Forward> Forward::create(const DeviceModel& model, Collective* collective, Stream& stream) {
    Forward forward;
    forward.model_ = &model;
    forward.collective_ = collective;
    if (Status status = forward.allocate(); !status.ok()) return status.error();
    fill_rotations(stream, forward.rotations_.as<Float2>(), model.config.max_context_tokens,
                   model.config.head_dim, static_cast<double>(model.config.rope_base));
    if (Status status = stream.synchronize(); !status.ok()) return status.error();
    return forward;
}

Status Forward::Rows::allocate(uint32_t rows, uint32_t columns) {
    const uint32_t ld = padded_columns(columns);
    if (Status status = data.replace(uint64_t{rows} * ld * sizeof(uint16_t), "activations"); !status.ok())
        return status;
    if (Status status = scales.replace(rows * sizeof(float), "activations"); !status.ok()) return status;
    operand = {data.as<uint16_t>(), scales.as<float>(), columns, ld, OperandNumber::kHalf};
    return {};
}

Status Forward::allocate() {
    const engine::ModelConfig& c = model_->config;
    const uint64_t tokens = kMaxTokens, pairs = c.head_dim / 2;
    const uint64_t of_a_rank =
        std::max(tokens * c.hidden_size, uint64_t{kMaxHeadRows} * model_->head_columns());
    const std::pair<DeviceMemory*, uint64_t> buffers[] = {
        {&rotations_, c.max_context_tokens * pairs * sizeof(Float2)},
        {&hidden_, tokens * c.hidden_size * sizeof(float)},
        {&qkv_, tokens * model_->qkv_columns() * sizeof(float)},
        {&q_, tokens * model_->q_columns() * sizeof(uint16_t)},
        {&activated_, tokens * c.intermediate_size * sizeof(float)},
        {&logits_, uint64_t{kMaxHeadRows} * c.vocab_size * sizeof(float)},
        {&of_ranks_, collective_ ? model_->share.ranks * of_a_rank * sizeof(float) : 0}};
    for (const auto& [buffer, bytes] : buffers) {
        if (Status status = buffer->replace(bytes, "activations"); !status.ok()) return status;
    }
    const std::pair<Rows*, std::pair<uint32_t, uint32_t>> operands[] = {
        {&normed_, {kMaxTokens, c.hidden_size}},
        {&attended_, {kMaxTokens, model_->q_columns()}},
        {&activated_rows_, {kMaxTokens, c.intermediate_size}},
        {&head_rows_, {kMaxHeadRows, c.hidden_size}}};
    for (const auto& [rows, shape] : operands)
        if (Status status = rows->allocate(shape.first, shape.second); !status.ok()) return status;
    return {};
}

uint64_t Forward::bytes() const {
    uint64_t bytes = fast_ ? fast_->scratch_bytes() : 0;
    for (const DeviceMemory* memory :
         {&rotations_, &hidden_, &qkv_, &q_, &activated_, &parts_, &logits_, &of_ranks_, &normed_.data,
          &attended_.data, &activated_rows_.data, &head_rows_.data})
        bytes += memory->bytes();
    return bytes;
}

uint64_t Forward::part_bytes(uint32_t parts) const {
    return uint64_t{parts} * part_floats(model_->config.num_heads, model_->config.head_dim) * sizeof(float);
}

Status Forward::make_room_for_parts(uint32_t parts) {
    const uint64_t bytes = part_bytes(parts);
    return parts_.replace(bytes + bytes / 2, "partial results of attention");
}

Status Forward::set_batch_invariant(bool invariant, Stream& stream) {
    fast_.reset();
    if (invariant) return {};
    auto fast = FastProducts::create(*model_, kMaxTokens, stream);
    if (!fast.ok()) return fast.error();
    fast_ = std::move(fast).value();
    return {};
}

Operand Forward::with_number(const Rows& rows, const DeviceMatrix& matrix) {
    Operand operand = rows.operand;
    operand.number = operand_number(matrix.format);
    return operand;
}

void Forward::run(const BatchInputs& batch, const KvPool& pool, Stream& stream) {
    now(KernelKind::kRowwise, stream);
    gather_rows(
        stream,
        {model_->embedding, batch.ids, batch.sampled_before, hidden_.as<float>(), model_->config.hidden_size},
        batch.tokens);
    for (uint32_t i = 0; i < model_->config.num_layers; ++i) run_layer(i, batch, pool, stream);
}

void Forward::run_layer(uint32_t index, const BatchInputs& batch, const KvPool& pool, Stream& stream) {
    const engine::ModelConfig& c = model_->config;
    const DeviceLayer& layer = model_->layers[index];
    auto* const hidden = hidden_.as<float>();
    const auto norm = [&](const float* weight, const DeviceMatrix& next) {
        now(KernelKind::kRowwise, stream);
        rms_norm(stream, {hidden, c.hidden_size, nullptr, weight, c.rms_epsilon, with_number(normed_, next)},
                 batch.tokens);
    };
    norm(layer.attn_norm, layer.qkv);
    now(KernelKind::kProduct, stream);
    multiply(layer.qkv, normed_, batch.tokens, qkv_.as<float>(), model_->qkv_columns(), Epilogue::kStore,
             stream);
    now(KernelKind::kRowwise, stream);
    rotate_and_store(stream,
                     {pool, index, qkv_.as<float>(), model_->qkv_columns(), c.num_heads,
                      rotations_.as<Float2>(), batch.positions, batch.slots, q_.as<uint16_t>()},
                     batch.tokens);
    AttendArgs attention = batch.attention;
    attention.pool = pool;
    attention.layer = index;
    attention.heads = c.num_heads;
    attention.q = q_.as<uint16_t>();
    attention.parts = parts_.as<float>();
    attention.tokens = batch.tokens;
    attention.out = with_number(attended_, layer.output);
    now(KernelKind::kAttention, stream);
    attend(stream, attention);
    now(KernelKind::kProduct, stream);
    add_product(layer.output, attended_, batch.tokens, stream);
    norm(layer.ffn_norm, layer.gate_up);
    now(KernelKind::kProduct, stream);
    multiply(layer.gate_up, normed_, batch.tokens, activated_.as<float>(), c.intermediate_size,
             Epilogue::kSwiglu, stream);
    now(KernelKind::kRowwise, stream);
    round_rows(stream,
               {activated_.as<float>(), c.intermediate_size, with_number(activated_rows_, layer.down)},
               batch.tokens);
    now(KernelKind::kProduct, stream);
    add_product(layer.down, activated_rows_, batch.tokens, stream);
}

/// Adds a product to the hidden state: what all ranks make of it. Batch-invariant, every rank gets what each has and adds it up in
/// the order of the ranks; a sum by a library has an order that depends on how much there is to sum.
void Forward::add_product(const DeviceMatrix& matrix, const Rows& x, uint32_t tokens, Stream& stream) {
    const uint32_t hidden_size = model_->config.hidden_size;
    auto* const hidden = hidden_.as<float>();
    if (!collective_) return multiply(matrix, x, tokens, hidden, hidden_size, Epilogue::kAdd, stream);
    const ModelShare& share = model_->share;
    const uint64_t count = uint64_t{tokens} * hidden_size;
    auto* const of_ranks = of_ranks_.as<float>();
    float* const own = of_ranks + (fast_ ? 0 : share.rank * count);
    multiply(matrix, x, tokens, own, hidden_size, Epilogue::kStore, stream);
    now(KernelKind::kRowwise, stream);
    if (fast_)
        collective_->sum(stream, own, count);
    else
        collective_->gather(stream, of_ranks, count);
    add_parts(stream, {of_ranks, hidden, count, fast_ ? 1 : share.ranks});
}

void Forward::multiply(const DeviceMatrix& matrix, const Rows& x, uint32_t tokens, float* out,
                       uint32_t ld_out, Epilogue epilogue, Stream& stream) {
    const MultiplyArgs args{matrix, with_number(x, matrix), tokens, out, ld_out, epilogue};
    if (fast_ && fast_->takes(matrix, tokens)) return fast_->multiply(stream, args);
    cuda::multiply(stream, args);
}

void Forward::head(const HeadInputs& inputs, Stream& stream) {
    const engine::ModelConfig& c = model_->config;
    now(KernelKind::kHead, stream);
    rms_norm(stream,
             {hidden_.as<float>(), c.hidden_size, inputs.rows, model_->output_norm, c.rms_epsilon,
              with_number(head_rows_, model_->head)},
             inputs.count);
    multiply_head(inputs.count, stream);
}

void Forward::multiply_head(uint32_t rows, Stream& stream) {
    const uint32_t vocab = model_->config.vocab_size, each = model_->head_columns();
    auto* const logits = logits_.as<float>();
    if (!collective_)
        return multiply(model_->head, head_rows_, rows, logits, vocab, Epilogue::kStore, stream);
    const ModelShare& share = model_->share;
    auto* const of_ranks = of_ranks_.as<float>();
    const uint64_t count = uint64_t{rows} * each;
    multiply(model_->head, head_rows_, rows, of_ranks + share.rank * count, each, Epilogue::kStore, stream);
    collective_->gather(stream, of_ranks, count);
    if (share.rank == 0) join_columns(stream, {of_ranks, logits, rows, each, vocab});
}

}  // namespace pitwall::cuda
