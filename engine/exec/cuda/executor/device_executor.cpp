// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/device_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "engine/kv/kv_format.h"

namespace pitwall::cuda {

Result<std::unique_ptr<DeviceExecutor>> DeviceExecutor::create(const abi::Model& model,
                                                               const abi::Options& options) {
    auto executor = std::make_unique<DeviceExecutor>();
    executor->device_ = options.device;
    if (Status status = executor->use(); !status.ok()) return status.error();
    auto stream = Stream::create();
    if (!stream.ok()) return stream.error();
    executor->stream_ = std::move(stream).value();
    for (Event* event : {&executor->begun_, &executor->copied_, &executor->computed_, &executor->ended_}) {
        auto made = Event::create();
        if (!made.ok()) return made.error();
        *event = std::move(made).value();
    }
    const LoadProgress progress = [&](uint64_t done, uint64_t total) {
        return options.progress == nullptr || options.progress(options.context, done, total) == 0;
    };
    auto loaded = load_model(model, executor->stream_, progress);
    if (!loaded.ok()) return loaded.error();
    executor->model_ = std::move(loaded).value();
    auto forward = Forward::create(executor->model_, executor->stream_);
    if (!forward.ok()) return forward.error();
    executor->forward_ = std::move(forward).value();
    auto arena = KvArena::create(executor->model_.config, options.kv_cache_memory_bytes,
                                 static_cast<engine::KvDtype>(options.kv_dtype));
    if (!arena.ok()) return arena.error();
    executor->arena_ = std::move(arena).value();
    return executor;
}

Status DeviceExecutor::convert_kv(engine::KvDtype dtype, uint32_t num_blocks,
                                  std::span<const uint32_t> holding) {
    if (Status status = use(); !status.ok()) return status;
    return arena_.convert(dtype, num_blocks, holding, stream_);
}

Result<double> DeviceExecutor::measure_bandwidth() {
    constexpr uint64_t kMostBytes = uint64_t{1} << 30;
    constexpr int kRounds = 5;
    if (Status status = use(); !status.ok()) return status.error();
    const uint64_t bytes = std::min(kMostBytes, free_device_bytes() / 4);
    auto from = DeviceMemory::allocate(bytes, "a measurement"),
         to = DeviceMemory::allocate(bytes, "a measurement");
    if (!from.ok()) return from.error();
    if (!to.ok()) return to.error();
    double best = 0;
    for (int round = 0; round < kRounds; ++round) {
        stream_.record(begun_);
        stream_.copy_on_device(to.value().data(), from.value().data(), bytes);
        stream_.record(ended_);
        if (Status status = stream_.synchronize(); !status.ok()) return status.error();
        best =
            std::max(best, 2.0 * static_cast<double>(bytes) * 1e9 /
                               static_cast<double>(std::max<int64_t>(1, Event::elapsed_ns(begun_, ended_))));
    }
    return best;
}

Status DeviceExecutor::submit(const abi::Plan& plan) {
    if (Status status = use(); !status.ok()) return status;
    result_ = {};
    gather(plan);
    if (Status status = send(plan); !status.ok()) return status;
    stream_.record(begun_);
    copy_blocks(stream_, arena_.pool(), upload_.at<uint32_t>(copies_at_), plan.num_copies);
    result_.bytes += 2.0 * plan.num_copies * static_cast<double>(arena_.pool().block_bytes);
    stream_.record(copied_);
    for (const Batch& batch : batches_) {
        if (Status status = run(batch); !status.ok()) return status;
        count(batch);
    }
    stream_.record(computed_);
    stream_.copy_to_host(largest_read_.data(), largest_.data(), head_rows_.size() * sizeof(int32_t));
    stream_.record(ended_);
    return {};
}

Result<abi::StepResult> DeviceExecutor::collect() {
    if (Status status = use(); !status.ok()) return status.error();
    if (Status status = stream_.synchronize(); !status.ok()) return status.error();
    sampled_.clear();
    for (size_t i = 0; i < head_rows_.size(); ++i)
        if (head_rows_[i].sampled) sampled_.push_back(largest_read_.as<int32_t>()[i]);
    result_.largest = sampled_.data();
    result_.logits = logits_read_.as<float>();
    result_.copy_ns = Event::elapsed_ns(begun_, copied_);
    result_.execute_ns = Event::elapsed_ns(copied_, computed_);
    result_.sample_ns = Event::elapsed_ns(computed_, ended_);
    for (const abi::Work& work : result_.kernels) {
        result_.flops += work.flops;
        result_.bytes += work.bytes;
    }
    return result_;
}

/// Cuts the step into batches that the activations have room for.
void DeviceExecutor::gather(const abi::Plan& plan) {
    batches_.clear();
    head_rows_.clear();
    for (uint32_t i = 0; i < plan.num_slices; ++i) {
        const abi::Slice& slice = plan.slices[i];
        for (uint32_t first = 0; first < slice.num_tokens;) {
            if (batches_.empty() || batches_.back().ids.size() == Forward::kMaxTokens) {
                batches_.emplace_back();
                batches_.back().first_head = static_cast<uint32_t>(head_rows_.size());
            }
            const uint32_t room = Forward::kMaxTokens - static_cast<uint32_t>(batches_.back().ids.size());
            const uint32_t tokens = std::min(room, slice.num_tokens - first);
            add_piece(slice, first, tokens);
            first += tokens;
        }
    }
}

void DeviceExecutor::add_piece(const abi::Slice& slice, uint32_t first_token, uint32_t tokens) {
    Batch& batch = batches_.back();
    const auto first_row = static_cast<uint32_t>(batch.ids.size());
    const uint32_t first_position = slice.first_position + first_token, vocab = model_.config.vocab_size;
    batch.sequences.push_back({first_row, tokens, first_position, {slice.block_table, slice.num_blocks}});
    for (uint32_t i = 0; i < tokens; ++i) {
        const uint32_t token = first_token + i, position = first_position + i;
        assert(position / kBlockTokens < slice.num_blocks);
        assert(slice.tokens[token] >= 0 && static_cast<uint32_t>(slice.tokens[token]) < vocab);
        batch.ids.push_back(slice.tokens[token]);
        batch.positions.push_back(position);
        batch.slots.push_back(slice.block_table[position / kBlockTokens] * kBlockTokens +
                              position % kBlockTokens);
        const bool sampled = token >= slice.num_tokens - slice.samples;
        if (!sampled && slice.logits_out == nullptr) continue;
        float* const out = slice.logits_out ? slice.logits_out + size_t{token} * vocab : nullptr;
        head_rows_.push_back({first_row + i, sampled, sampled && slice.want_logits != 0, out});
        ++batch.num_heads;
    }
}

void DeviceExecutor::put(Batch& batch) {
    const auto rows = static_cast<uint32_t>(batch.ids.size());
    batch.attention =
        plan_attention(batch.sequences, rows, model_.config.num_heads / model_.config.num_kv_heads);
    batch.ids_at = upload_.put(batch.ids);
    batch.positions_at = upload_.put(batch.positions);
    batch.slots_at = upload_.put(batch.slots);
    batch.sequences_at = upload_.put(batch.attention.sequences);
    batch.tables_at = upload_.put(batch.attention.tables);
    batch.decode_at = upload_.put(batch.attention.decode_items);
    batch.prefill_at = upload_.put(batch.attention.prefill_items);
    batch.row_parts_at = upload_.put(batch.attention.row_parts);
}

/// All integers of the step in one copy.
Status DeviceExecutor::send(const abi::Plan& plan) {
    upload_.clear();
    std::vector<uint32_t> pairs, rows;
    for (uint32_t i = 0; i < plan.num_copies; ++i)
        pairs.insert(pairs.end(), {plan.copies[i].source, plan.copies[i].target});
    for (const HeadRow& row : head_rows_) rows.push_back(row.row);
    copies_at_ = upload_.put(pairs);
    head_rows_at_ = upload_.put(rows);
    for (Batch& batch : batches_) put(batch);
    if (Status status = make_room_for_results(); !status.ok()) return status;
    return upload_.send(stream_);
}

Status DeviceExecutor::make_room_for_results() {
    const uint64_t largest_bytes = head_rows_.size() * sizeof(int32_t);
    const auto kept =
        std::count_if(head_rows_.begin(), head_rows_.end(), [](const HeadRow& row) { return row.kept; });
    const uint64_t logits_bytes = static_cast<uint64_t>(kept) * model_.config.vocab_size * sizeof(float);
    if (largest_bytes > largest_.bytes()) {
        auto memory = DeviceMemory::allocate(2 * largest_bytes, "samples");
        if (!memory.ok()) return memory.error();
        auto read = PinnedMemory::allocate(2 * largest_bytes, "samples");
        if (!read.ok()) return read.error();
        largest_ = std::move(memory).value();
        largest_read_ = std::move(read).value();
    }
    if (logits_bytes > logits_read_.bytes()) {
        auto read = PinnedMemory::allocate(logits_bytes, "logits");
        if (!read.ok()) return read.error();
        logits_read_ = std::move(read).value();
    }
    return {};
}

Status DeviceExecutor::run(const Batch& batch) {
    BatchInputs inputs;
    inputs.tokens = static_cast<uint32_t>(batch.ids.size());
    inputs.ids = upload_.at<int32_t>(batch.ids_at);
    inputs.positions = upload_.at<uint32_t>(batch.positions_at);
    inputs.slots = upload_.at<uint32_t>(batch.slots_at);
    inputs.attention_parts = batch.attention.parts;
    inputs.attention.most_parts = batch.attention.most_parts;
    inputs.attention.sequences = upload_.at<SequenceRows>(batch.sequences_at);
    inputs.attention.tables = upload_.at<uint32_t>(batch.tables_at);
    inputs.attention.decode_items = upload_.at<AttendItem>(batch.decode_at);
    inputs.attention.prefill_items = upload_.at<AttendItem>(batch.prefill_at);
    inputs.attention.num_decode_items = static_cast<uint32_t>(batch.attention.decode_items.size());
    inputs.attention.num_prefill_items = static_cast<uint32_t>(batch.attention.prefill_items.size());
    inputs.attention.row_parts = upload_.at<uint32_t>(batch.row_parts_at);
    if (Status status = forward_.run(inputs, arena_.pool(), stream_); !status.ok()) return status;
    run_heads(batch);
    return {};
}

void DeviceExecutor::run_heads(const Batch& batch) {
    auto* kept = logits_read_.as<float>();
    for (uint32_t i = 0; i < batch.first_head; ++i)
        if (head_rows_[i].kept) kept += model_.config.vocab_size;
    for (uint32_t done = 0; done < batch.num_heads; done += Forward::kMaxHeadRows) {
        const uint32_t first = batch.first_head + done,
                       rows = std::min(Forward::kMaxHeadRows, batch.num_heads - done);
        const float* logits = forward_.head(
            {rows, upload_.at<uint32_t>(head_rows_at_) + first, largest_.as<int32_t>() + first}, stream_);
        read_logits(std::span(head_rows_).subspan(first, rows), logits, kept);
    }
}

void DeviceExecutor::read_logits(std::span<const HeadRow> rows, const float* logits, float*& kept) {
    const uint32_t vocab = model_.config.vocab_size;
    for (const HeadRow& row : rows) {
        if (row.logits_out) stream_.copy_to_host(row.logits_out, logits, vocab * sizeof(float));
        if (row.kept) {
            stream_.copy_to_host(kept, logits, vocab * sizeof(float));
            kept += vocab;
        }
        logits += vocab;
    }
}

void DeviceExecutor::add_work(engine::KernelKind kind, double flops, double bytes) {
    result_.kernels[static_cast<size_t>(kind)].flops += flops;
    result_.kernels[static_cast<size_t>(kind)].bytes += bytes;
}

/// As the CPU's executor counts: multiply-adds of products and attention, weights and KV touched.
void DeviceExecutor::count(const Batch& batch) {
    using engine::KernelKind;
    const engine::ModelConfig& c = model_.config;
    const auto tokens = static_cast<double>(batch.ids.size());
    const double token_bytes = static_cast<double>(arena_.pool().block_bytes) / kBlockTokens;
    double weights = 0, positions = 0, read = 0;
    for (const DeviceLayer& layer : model_.layers)
        for (const DeviceMatrix* m : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down})
            weights += static_cast<double>(m->bytes);
    for (const StepSequence& s : batch.sequences) {
        for (uint32_t i = 0; i < s.tokens; ++i) positions += s.first_position + i + 1;
        read += (s.first_position + s.tokens) * token_bytes;
    }
    add_work(KernelKind::kProduct, 2.0 * static_cast<double>(c.layer_macs()) * tokens, weights);
    add_work(KernelKind::kAttention, 4.0 * c.num_layers * c.num_heads * c.head_dim * positions, read);
    add_work(KernelKind::kRowwise, 0, tokens * token_bytes);
    const double groups = std::ceil(batch.num_heads / double{Forward::kMaxHeadRows});
    add_work(KernelKind::kHead, 2.0 * static_cast<double>(c.head_macs()) * batch.num_heads,
             groups * static_cast<double>(model_.head.bytes));
}

}  // namespace pitwall::cuda
