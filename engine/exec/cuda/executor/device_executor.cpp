// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/device_executor.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <string>

#include "engine/exec/cuda/executor/check_model.h"
#include "engine/exec/cuda/executor/count_work.h"
#include "engine/exec/cuda/executor/range_names.h"
#include "engine/exec/cuda/plugin/variables.h"
#include "engine/kv/kv_format.h"

namespace pitwall::cuda {
namespace {

/// A step that is timed kernel by kernel is no graph and has hundreds of events in it, so that only one in so many is.
constexpr uint64_t kTimedEvery = 64;

}  // namespace

Result<std::unique_ptr<DeviceExecutor>> DeviceExecutor::create(const abi::Model& model,
                                                               const DeviceOptions& options) {
    const Rank& rank = options.rank;
    const auto graphs = graphs_wanted();
    if (!graphs.ok()) return graphs.error();
    auto executor = std::make_unique<DeviceExecutor>(options.device, rank);
    const auto checked = launches_checked_wanted();
    if (!checked.ok()) return checked.error();
    // Collectives are in no graph until two GPUs have shown that their library is captured well; and of a graph nobody can
    // say which kernel failed.
    if (!graphs.value() || checked.value() || rank.count > 1) executor->graphs_.turn_off();
    auto use = DeviceUse::begin(options.device);
    if (!use.ok()) return use.error();
    executor->device_use_ = std::move(use).value();
    if (Status status = executor->use(); !status.ok()) return status.error();
    if (Status status = check_model(model, rank.count); !status.ok()) return status.error();
    auto stream = Stream::create();
    if (!stream.ok()) return stream.error();
    executor->stream_ = std::move(stream).value();
    if (Status status = executor->make_events(); !status.ok()) return status.error();
    auto loaded = load_model(model, {rank.index, rank.count}, options.weight_dtype, executor->stream_,
                             options.progress);
    if (!loaded.ok()) return loaded.error();
    executor->model_ = std::move(loaded).value();
    auto forward = Forward::create(executor->model_, rank.collective(), executor->stream_);
    if (!forward.ok()) return forward.error();
    executor->forward_ = std::move(forward).value();
    auto arena = KvArena::create(executor->model_.config, kv_bytes(options), options.kv_dtype);
    if (!arena.ok()) return arena.error();
    executor->arena_ = std::move(arena).value();
    return executor;
}

/// What is still on its way reads and writes memory of the host that goes now. Several ranks have broken up before: then nothing
/// is any more.
DeviceExecutor::~DeviceExecutor() {
    if (use().ok() && rank_.count == 1 && stream_.handle) (void)stream_.synchronize();
}

uint64_t DeviceExecutor::kv_bytes(const DeviceOptions& options) {
    if (options.kv_cache_memory_bytes != 0) return options.kv_cache_memory_bytes;
    const uint64_t free = free_device_bytes(), spared = std::min(options.kv_cache_spared_bytes, free);
    return static_cast<uint64_t>(options.kv_cache_share * static_cast<double>(free - spared));
}

Status DeviceExecutor::make_events() {
    for (Flight& flight : flights_) {
        for (Event* event : {&flight.begun, &flight.copied, &flight.computed, &flight.ended}) {
            auto made = Event::create();
            if (!made.ok()) return made.error();
            *event = std::move(made).value();
        }
    }
    return {};
}

Status DeviceExecutor::convert_kv(engine::KvDtype dtype, uint32_t num_blocks,
                                  std::span<const uint32_t> holding) {
    if (Status status = use(); !status.ok()) return status;
    graphs_.clear();
    return arena_.convert(dtype, num_blocks, holding, stream_,
                          [this](const Status& ready) { return rank_.agree(ready); });
}

Status DeviceExecutor::set_batch_invariant(bool invariant) {
    if (Status status = use(); !status.ok()) return status;
    if (Status status = stream_.synchronize(); !status.ok()) return status;
    graphs_.clear();  // each has products of one kind in it
    return forward_.set_batch_invariant(invariant, stream_);
}

Result<double> DeviceExecutor::measure_bandwidth() {
    constexpr uint64_t kMostBytes = uint64_t{1} << 30;
    constexpr int kRounds = 5;
    if (Status status = use(); !status.ok()) return status.error();
    const uint64_t bytes = std::min(kMostBytes, free_device_bytes() / 4);
    auto from = DeviceMemory::allocate(bytes, "a measurement");
    if (!from.ok()) return from.error();
    auto to = DeviceMemory::allocate(bytes, "a measurement");
    if (!to.ok()) return to.error();
    Flight& idle = flight(submitted_);
    double best = 0;
    for (int round = 0; round < kRounds; ++round) {
        stream_.record(idle.begun);
        stream_.copy_on_device(to.value().data(), from.value().data(), bytes);
        stream_.record(idle.ended);
        if (Status status = stream_.synchronize(); !status.ok()) return status.error();
        const auto ns = static_cast<double>(std::max<int64_t>(1, Event::elapsed_ns(idle.begun, idle.ended)));
        best = std::max(best, 2.0 * static_cast<double>(bytes) * 1e9 / ns);
    }
    return best;
}

uint64_t DeviceExecutor::activation_bytes() const {
    uint64_t bytes = forward_.bytes();
    for (const auto& [dtype, arena] : side_arenas_) bytes += arena.memory_bytes();
    return bytes;
}

Result<KvArena*> DeviceExecutor::side_arena(engine::KvDtype dtype) {
    const auto found = side_arenas_.find(dtype);
    if (found != side_arenas_.end()) return &found->second;
    const uint64_t bytes = abi::kSideTokens / kBlockTokens * engine::kv_bytes_per_block(dtype, model_.config);
    auto arena = KvArena::create(model_.config, bytes, dtype);
    if (!arena.ok()) return arena.error();
    return &(side_arenas_[dtype] = std::move(arena).value());
}

Status DeviceExecutor::score_beside(engine::KvDtype dtype, std::span<const int32_t> tokens,
                                    uint32_t first_position, std::span<float* const> logits) {
    assert(submitted_ == collected_ && first_position + tokens.size() <= abi::kSideTokens);
    if (Status status = use(); !status.ok()) return status;
    auto arena = side_arena(dtype);
    Status all = rank_.agree(arena.ok() ? Status() : Status(arena.error()));
    if (!all.ok()) return all;
    std::vector<uint32_t> table(abi::kSideTokens / kBlockTokens);
    std::iota(table.begin(), table.end(), 0u);
    abi::Slice slice{};
    slice.tokens = tokens.data();
    slice.num_tokens = static_cast<uint32_t>(tokens.size());
    slice.first_position = first_position;
    slice.block_table = table.data();
    slice.num_blocks = static_cast<uint32_t>(table.size());
    Flight& flight = this->flight(submitted_);
    flight.layout = lay_out({nullptr, &slice, 0, 1, 0}, limits(), {});
    StepBatch& batch = flight.layout.batches.at(0);
    for (uint32_t row = 0; row < tokens.size(); ++row)
        if (logits[row]) flight.layout.heads.push_back({.row = row, .logits_out = logits[row]});
    batch.num_heads = static_cast<uint32_t>(flight.layout.heads.size());
    Status status = prepare(flight);
    if (status.ok()) {
        run(batch, arena.value()->pool());
        run_heads(flight, batch, true);
        status = rank_.agree(check());
    }
    const Status done = finish();
    flight.layout = {};  // nothing of it is what a plan sampled
    return status.ok() ? done : status;
}

LayoutLimits DeviceExecutor::limits() const {
    return {Forward::kMaxTokens, model_.config.vocab_size,
            model_.config.num_heads / model_.config.num_kv_heads};
}

/// Head rows of the positions that the plan before sampled, whether it was collected or not.
std::vector<uint32_t> DeviceExecutor::sampled_before() {
    std::vector<uint32_t> rows;
    if (submitted_ == 0) return rows;
    const std::vector<HeadRow>& heads = flight(submitted_ - 1).layout.heads;
    for (uint32_t i = 0; i < heads.size(); ++i)
        if (heads[i].sampled()) rows.push_back(i);
    return rows;
}

Status DeviceExecutor::submit(const abi::Plan& plan) {
    if (Status status = use(); !status.ok()) return status;
    assert(submitted_ - collected_ < flights_.size());
    std::string name = name_of(plan);
    const ProfilerRange range(words_of(plan, name).c_str());
    StepLayout layout = lay_out(plan, limits(), sampled_before());
    Flight& flight = this->flight(submitted_);
    flight.name = std::move(name);
    flight.layout = std::move(layout);
    flight.result = {};
    for (const StepBatch& batch : flight.layout.batches)
        count_work(model_, arena_.pool(), batch, Forward::kMaxHeadRows, flight.result);
    if (Status status = run_all(flight); !status.ok()) {
        // What was given to the device reads what the next plan writes.
        (void)finish();
        return status;
    }
    ++submitted_;
    return {};
}

Status DeviceExecutor::run_all(Flight& flight) {
    StepLayout& layout = flight.layout;
    const bool by_graph = graphs_.wanted() && graphable(layout, Forward::kMaxHeadRows);
    const GraphShape shape = by_graph ? fill_up(layout) : GraphShape{};
    if (Status status = prepare(flight); !status.ok()) return status;
    stream_.record(flight.begun);
    const auto copies = static_cast<uint32_t>(layout.copies.size() / 2);
    copy_blocks(stream_, arena_.pool(), upload_.at<uint32_t>(layout.copies_at), copies);
    flight.result.bytes += 2.0 * copies * static_cast<double>(arena_.pool().block_bytes);
    stream_.record(flight.copied);
    flight.timed = submitted_ % kTimedEvery == 0;
    const Graph* const graph = by_graph && !flight.timed ? graphs_.find(shape, submitted_) : nullptr;
    if (graph) {
        stream_.launch(*graph);
        read_logits(layout.heads, forward_.logits());
    } else {
        run_batches(flight);
    }
    stream_.record(flight.computed);
    const uint64_t picked_bytes = layout.heads.size() * sizeof(int32_t);
    stream_.copy_on_device(sampled_.data(), picked_.data(), picked_bytes);
    stream_.copy_to_host(flight.picked.data(), picked_.data(), picked_bytes);
    stream_.record(flight.ended);
    if (Status status = rank_.agree(check()); !status.ok()) return status;
    if (by_graph && !graph && graphs_.lacks(shape)) capture(flight, shape);
    return {};
}

Status DeviceExecutor::check() {
    if (Status status = rank_.take_failure(); !status.ok()) return status;
    if (Status status = forward_.take_failure(); !status.ok()) return status;
    return stream_.check();
}

void DeviceExecutor::run_batches(Flight& flight) {
    flight.timer.begin();
    if (flight.timed) forward_.time_kernels(&flight.timer);
    for (const StepBatch& batch : flight.layout.batches) {
        run(batch, arena_.pool());
        run_heads(flight, batch, true);
    }
    forward_.time_kernels(nullptr);
    if (flight.timed) flight.timer.end(stream_);
}

/// So that steps of this shape can be one graph, some time later. The step itself is under way by then, so that a library has
/// chosen its products for the shape already. Where it fails there are no graphs from now on.
void DeviceExecutor::capture(const Flight& flight, const GraphShape& shape) {
    const StepBatch& batch = flight.layout.batches[0];
    if (!stream_.begin_capture().ok()) return graphs_.turn_off();
    run(batch, arena_.pool());
    run_heads(flight, batch, false);
    auto captured = stream_.end_capture();
    if (!forward_.take_failure().ok()) return;
    if (captured.ok())
        graphs_.add(shape, std::move(captured).value(), submitted_);
    else
        graphs_.turn_off();
}

/// All integers of the step in one copy, and room for all that the step makes: addresses do not change after this.
Status DeviceExecutor::send(Flight& flight) {
    upload_.clear();
    put(flight.layout, upload_);
    if (!upload_.has_room()) {
        if (Status status = finish(); !status.ok()) return status;
        graphs_.clear();
    }
    if (Status status = make_room_for_parts(flight.layout); !status.ok()) return status;
    if (Status status = make_room_for_results(flight); !status.ok()) return status;
    return upload_.send(flight.staging, stream_);
}

/// send(), on all ranks or on none. One that cannot does first what the others may be waiting for.
Status DeviceExecutor::prepare(Flight& flight) {
    const Status ready = send(flight);
    if (!ready.ok()) (void)finish();
    return rank_.agree(ready);
}

/// Waits for all that the device was given. Where that fails, other ranks would wait for it without end.
Status DeviceExecutor::finish() {
    Status status = stream_.synchronize();
    if (!status.ok()) rank_.break_up(status.error());
    return status;
}

Status DeviceExecutor::make_room_for_parts(const StepLayout& layout) {
    uint32_t parts = 0;
    for (const StepBatch& batch : layout.batches) parts = std::max(parts, batch.attention.parts);
    if (forward_.has_room_for_parts(parts)) return {};
    if (Status status = finish(); !status.ok()) return status;
    graphs_.clear();
    return forward_.make_room_for_parts(parts);
}

Status DeviceExecutor::make_room_for_results(Flight& flight) {
    constexpr uint64_t kLeastBytes = 256 << 10;
    const uint64_t bytes = std::max<uint64_t>(flight.layout.heads.size() * sizeof(int32_t), kLeastBytes);
    if (bytes > picked_.bytes()) {
        auto memory = DeviceMemory::allocate(bytes, "samples");
        if (!memory.ok()) return memory.error();
        stream_.copy_on_device(memory.value().data(), sampled_.data(), sampled_.bytes());
        if (Status status = finish(); !status.ok()) return status;
        sampled_ = std::move(memory).value();
        graphs_.clear();
        if (Status status = picked_.replace(bytes, "samples"); !status.ok()) return status;
    }
    return bytes > flight.picked.bytes() ? flight.picked.replace(bytes, "samples") : Status{};
}

void DeviceExecutor::run(const StepBatch& batch, const KvPool& pool) {
    BatchInputs inputs;
    inputs.tokens = static_cast<uint32_t>(batch.ids.size());
    inputs.ids = upload_.at<int32_t>(batch.ids_at);
    inputs.sampled_before = sampled_.as<int32_t>();
    inputs.positions = upload_.at<uint32_t>(batch.positions_at);
    inputs.slots = upload_.at<uint32_t>(batch.slots_at);
    inputs.attention.sequences = upload_.at<SequenceRows>(batch.sequences_at);
    inputs.attention.tables = upload_.at<uint32_t>(batch.tables_at);
    inputs.attention.decode_items = upload_.at<AttendItem>(batch.decode_at);
    inputs.attention.prefill_items = upload_.at<AttendItem>(batch.prefill_at);
    inputs.attention.num_decode_items = static_cast<uint32_t>(batch.attention.decode_items.size());
    inputs.attention.num_prefill_items = static_cast<uint32_t>(batch.attention.prefill_items.size());
    inputs.attention.row_parts = upload_.at<uint32_t>(batch.row_parts_at);
    inputs.attention.most_parts = batch.attention.most_parts;
    forward_.run(inputs, pool, stream_);
}

void DeviceExecutor::run_heads(const Flight& flight, const StepBatch& batch, bool reading) {
    const StepLayout& layout = flight.layout;
    for (uint32_t done = 0; done < batch.num_heads; done += Forward::kMaxHeadRows) {
        const uint32_t first = batch.first_head + done;
        const uint32_t rows = std::min(Forward::kMaxHeadRows, batch.num_heads - done);
        forward_.head({rows, upload_.at<uint32_t>(layout.head_rows_at) + first}, stream_);
        forward_.begin_sampling(stream_);
        sample(layout, first, rows);
        if (reading) read_logits(std::span(layout.heads).subspan(first, rows), forward_.logits());
    }
}

/// On rank 0, for GPUs of different kinds need not agree on what is a draw's last digit.
void DeviceExecutor::sample(const StepLayout& layout, uint32_t first, uint32_t rows) {
    const uint32_t vocab = model_.config.vocab_size;
    int32_t* const picked = picked_.as<int32_t>() + first;
    if (rank_.index == 0)
        sample_rows(stream_,
                    {forward_.logits(), vocab, vocab, upload_.at<SampleRow>(layout.samples_at) + first,
                     upload_.at<int32_t>(layout.listed_at), sampled_.as<int32_t>(), picked},
                    rows);
    if (Collective* const collective = rank_.collective()) collective->broadcast(stream_, picked, rows);
}

void DeviceExecutor::read_logits(std::span<const HeadRow> rows, const float* logits) {
    if (rank_.index != 0) return;
    const uint32_t vocab = model_.config.vocab_size;
    for (const HeadRow& row : rows) {
        if (row.logits_out) stream_.copy_to_host(row.logits_out, logits, vocab * sizeof(float));
        logits += vocab;
    }
}

Result<abi::StepResult> DeviceExecutor::collect() {
    if (Status status = use(); !status.ok()) return status.error();
    assert(collected_ < submitted_);
    Flight& flight = this->flight(collected_++);
    const ProfilerRange range(("waiting for " + flight.name).c_str());
    if (Status status = stream_.wait_for(flight.ended); !status.ok()) return status.error();
    flight.sampled.clear();
    for (size_t i = 0; i < flight.layout.heads.size(); ++i)
        if (flight.layout.heads[i].sampled()) flight.sampled.push_back(flight.picked.as<int32_t>()[i]);
    abi::StepResult& result = flight.result;
    result.sampled = flight.sampled.data();
    result.copy_ns = Event::elapsed_ns(flight.begun, flight.copied);
    result.execute_ns = Event::elapsed_ns(flight.copied, flight.computed);
    result.sample_ns = Event::elapsed_ns(flight.computed, flight.ended);
    if (flight.timed) {
        // Its kernels are on their way among the others; where each was timed it is told apart.
        const int64_t sampling_ns = flight.timer.add_to(result.kernels);
        result.execute_ns -= sampling_ns;
        result.sample_ns += sampling_ns;
    }
    for (const abi::Work& work : result.kernels) {
        result.flops += work.flops;
        result.bytes += work.bytes;
    }
    return result;
}

}  // namespace pitwall::cuda
