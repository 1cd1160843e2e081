// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pitwall::engine::cpu {
namespace {

/// Query rows of an item: scores, K and V of a tile stay in the first-level cache.
constexpr uint32_t kQueryRows = 48;
/// In tiles: K and V are laid out once for all of them.
constexpr uint32_t kTiledQueryRows = 96;
constexpr uint32_t kWhole = UINT32_MAX;
constexpr uint32_t kSplitRows = 16;  ///< an item of more rows has work enough for one thread
constexpr uint32_t kItemsPerThread = 4;

}  // namespace

struct Attention::Scratch {
    float* q;             ///< [max_rows, head_dim]
    float* kernel;        ///< attention_scratch_floats
    Partial sum, next;    ///< [max_rows]
    uint32_t* positions;  ///< [max_rows]
};

Attention::Attention(const ModelConfig& config, ThreadPool& pool, const Kernels& kernels, KvArena& arena,
                     const TokenPlaces& places)
    : layers_(config.num_layers),
      heads_(config.num_heads),
      kv_heads_(config.num_kv_heads),
      head_dim_(config.head_dim),
      max_rows_(tokens_in(kernels.tiles != nullptr ? kTiledQueryRows : kQueryRows) * group()),
      scale_(static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)))),
      pool_(pool),
      kernels_(kernels),
      arena_(arena),
      places_(places),
      scratch_(pool.threads()) {
    set_activation_dtype(ActivationDtype::kF32);
    const uint32_t widest = kv_head_layout(KvDtype::kInt4, head_dim_).v_dim;  // of all formats
    const size_t floats = size_t{max_rows_} * head_dim_ + attention_scratch_floats(max_rows_, widest) +
                          2 * size_t{max_rows_} * (widest + 2) + max_rows_ + 64;
    for (auto& scratch : scratch_) scratch.resize(floats);
}

void Attention::set_activation_dtype(ActivationDtype dtype) {
    const bool in_tiles = dtype == ActivationDtype::kBf16 && kernels_.tiles != nullptr;
    attend_ = in_tiles ? kernels_.tiles->attend : kernels_.attend;
    item_tokens_ = tokens_in(in_tiles ? kTiledQueryRows : kQueryRows);
}

Attention::Scratch Attention::scratch_of(uint32_t thread) {
    float* next = scratch_[thread].data();
    const auto take = [&](size_t floats) { return std::exchange(next, next + floats); };
    const auto partial = [&]() {
        return Partial{take(max_rows_), take(max_rows_), take(size_t{max_rows_} * v_dim())};
    };
    Scratch scratch{};
    scratch.q = take(size_t{max_rows_} * head_dim_);
    scratch.kernel = take(attention_scratch_floats(max_rows_, v_dim()));
    scratch.sum = partial();
    scratch.next = partial();
    scratch.positions = reinterpret_cast<uint32_t*>(take(max_rows_));
    return scratch;
}

Attention::Partial Attention::partial_at(uint32_t row) {
    float* value = parts_.data() + 2 * size_t{all_rows_};
    return {parts_.data() + row, parts_.data() + all_rows_ + row, value + size_t{row} * v_dim()};
}

/// Behind the items' rows: those of the first KV head, a group for each token, then those of the next.
Attention::Partial Attention::shared_at(uint32_t read_row, uint32_t kv_head) {
    return partial_at(part_rows_ + (kv_head * shared_.rows() + read_row) * group());
}

void Attention::plan(std::span<const SequenceRows> sequences) {
    sequences_ = sequences;
    items_.clear();
    splits_.clear();
    part_rows_ = 0;
    flops_ = bytes_ = 0;
    shared_.plan(sequences, std::max(1u, kSplitRows / group()), item_tokens_);
    uint32_t whole = 0;
    for (const auto& sequence : sequences)
        whole += (sequence.tokens + item_tokens_ - 1) / item_tokens_ * kv_heads_;
    const bool split = pool_.threads() > 1 && whole < kItemsPerThread * pool_.threads();
    for (uint32_t i = 0; i < sequences.size(); ++i) plan_sequence(i, split);
    plan_walks();
    count_reads();
    all_rows_ = part_rows_ + shared_.rows() * heads_;
    parts_.resize(std::max(parts_.size(), size_t{all_rows_} * (v_dim() + 2)));
}

void Attention::plan_sequence(uint32_t number, bool split) {
    const SequenceRows& sequence = sequences_[number];
    for (uint32_t token = 0; token < sequence.tokens; token += item_tokens_) {
        const uint32_t tokens = std::min(item_tokens_, sequence.tokens - token);
        const uint32_t end_position = sequence.first_position + token + tokens;
        const uint32_t chunks = (end_position + kAttentionChunk - 1) / kAttentionChunk;
        const uint32_t rows = tokens * group();
        bytes_ += end_position * arena_.bytes_per_token();
        for (uint32_t t = 0; t < tokens; ++t)
            flops_ += 4.0 * layers_ * heads_ * head_dim_ * (sequence.first_position + token + t + 1);
        for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head) {
            if (!split || chunks == 1 || rows > kSplitRows) {
                items_.push_back({number, token, tokens, kv_head, 0, chunks, kWhole});
                continue;
            }
            splits_.push_back({static_cast<uint32_t>(items_.size()), chunks});
            for (uint32_t chunk = 0; chunk < chunks; ++chunk, part_rows_ += rows) {
                items_.push_back({number, token, tokens, kv_head, chunk, chunk + 1, part_rows_});
            }
        }
    }
}

void Attention::plan_walks() {
    const auto reads = static_cast<uint32_t>(shared_.reads().size()) * kv_heads_;
    read_walks_.clear();
    for (uint32_t i = 0; i < reads; ++i) read_walks_.push_back(walk_of_read(i));
    item_walks_.clear();
    for (uint32_t i = 0; i < items_.size(); ++i) item_walks_.push_back(walk_of_item(i));
}

/// What is read for several is read once.
void Attention::count_reads() {
    for (const auto& read : shared_.reads())
        bytes_ -= (read.members - 1.0) * read.tiles * kAttentionTile * arena_.bytes_per_token();
}

void Attention::run(uint32_t layer, const Qkv& qkv, const Attended& out) {
    const auto reads = static_cast<uint32_t>(shared_.reads().size());
    pool_.run(reads * kv_heads_, 1, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        for (uint32_t i = begin; i < end; ++i) run_read(i, layer, qkv, thread);
    });
    pool_.run(static_cast<uint32_t>(items_.size()), 1, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        for (uint32_t i = begin; i < end; ++i) run_item(i, layer, qkv, out, thread);
    });
    for (const Split& split : splits_) finish_split(split, out);
}

Attention::Walk Attention::walk_of_read(uint32_t number) const {
    const SharedReads::Read& read = shared_.reads()[number / kv_heads_];
    const uint32_t first = read.chunk * kChunkBlocks;
    return {sequences_[shared_.members(read)[0]].block_table, number % kv_heads_, first,
            first + read.tiles * kTileBlocks};
}

Attention::Walk Attention::walk_of_item(uint32_t number) const {
    const Item& item = items_[number];
    const SequenceRows& sequence = sequences_[item.sequence];
    const uint32_t last_position = sequence.first_position + item.first_token + item.tokens - 1;
    // From where nobody has read for it.
    uint32_t chunk = item.first_chunk;
    while (chunk + 1 < item.end_chunk && shared_.part(item.sequence, chunk).tiles == kChunkTiles) ++chunk;
    const uint32_t known = shared_.part(item.sequence, chunk).tiles;
    return {sequence.block_table, item.kv_head, chunk * kChunkBlocks + known * kTileBlocks,
            std::min(item.end_chunk * kChunkBlocks, last_position / kBlockTokens + 1)};
}

void Attention::run_read(uint32_t number, uint32_t layer, const Qkv& qkv, uint32_t thread) {
    const SharedReads::Read& read = shared_.reads()[number / kv_heads_];
    const uint32_t kv_head = number % kv_heads_;
    const Scratch scratch = scratch_of(thread);
    const auto members = shared_.members(read);
    uint32_t row = 0;
    for (const uint32_t member : members) {
        const SequenceRows& sequence = sequences_[member];
        take_queries(sequence, 0, sequence.tokens, kv_head, qkv, scratch, row);
        row += sequence.tokens * group();
    }
    attend_tiles(Route(read_walks_).subspan(number), layer, row, {read.chunk, 0, read.tiles}, scratch,
                 shared_at(read.first_row, kv_head));
}

void Attention::run_item(uint32_t number, uint32_t layer, const Qkv& qkv, const Attended& out,
                         uint32_t thread) {
    const Item& item = items_[number];
    const SequenceRows& sequence = sequences_[item.sequence];
    const Scratch scratch = scratch_of(thread);
    const bool to_the_end = item.end_chunk * kAttentionChunk > sequence.first_position;
    if (sequence.tokens == 1 && to_the_end)  // first: what is stored takes a while until it can be read again
        places_.cache(layer, sequence.first_row, item.kv_head, qkv.row(sequence.first_row));
    take_queries(sequence, item.first_token, item.tokens, item.kv_head, qkv, scratch, 0);
    const Partial sum = item.part == kWhole ? scratch.sum : partial_at(item.part);
    const Route route = Route(item_walks_).subspan(number);
    for (uint32_t chunk = item.first_chunk; chunk < item.end_chunk; ++chunk) {
        const bool first = chunk == item.first_chunk;
        attend_chunk(item, route, layer, chunk, scratch, first ? sum : scratch.next);
        if (!first) merge_rows(item.tokens * group(), sum, scratch.next);
    }
    if (item.part == kWhole) write_out(item, sum, out);
}

void Attention::take_queries(const SequenceRows& sequence, uint32_t first_token, uint32_t tokens,
                             uint32_t kv_head, const Qkv& qkv, const Scratch& scratch, uint32_t row) {
    for (uint32_t token = first_token; token < first_token + tokens; ++token, row += group()) {
        const uint32_t own = sequence.first_row + token;
        float* const heads = scratch.q + size_t{row} * head_dim_;
        kernels_.scale(qkv.row(own) + size_t{kv_head} * group() * head_dim_, scale_, group() * head_dim_,
                       heads);
        places_.rotate(own, heads, group());
        for (uint32_t head = 0; head < group(); ++head)
            kernels_.rotate_runs(arena_.layout().k.rotation, head_dim_, heads + size_t{head} * head_dim_);
        std::fill_n(scratch.positions + row, group(), sequence.first_position + token);
    }
}

/// From where others have read for this sequence too, or from the beginning.
void Attention::attend_chunk(const Item& item, Route route, uint32_t layer, uint32_t chunk,
                             const Scratch& scratch, const Partial& result) {
    const uint32_t rows = item.tokens * group();
    const SharedReads::Part part = shared_.part(item.sequence, chunk);
    if (part.tiles > 0) {
        const Partial known = shared_at(part.first_row, item.kv_head);
        std::copy_n(known.peak, rows, result.peak);
        std::copy_n(known.weight, rows, result.weight);
        std::copy_n(known.value, size_t{rows} * v_dim(), result.value);
    }
    if (part.tiles == kChunkTiles) return;
    attend_tiles(route, layer, rows, {chunk, part.tiles, kChunkTiles}, scratch, result);
}

void Attention::attend_tiles(Route route, uint32_t layer, uint32_t rows, const Tiles& tiles,
                             const Scratch& scratch, const Partial& result) {
    const uint32_t last_position = *std::max_element(scratch.positions, scratch.positions + rows);
    const bool asks = blocks_ahead() > 0;
    const Walk& own = route.front();
    const std::byte *blocks[kChunkBlocks] = {}, *ahead[kChunkBlocks] = {};
    for (uint32_t b = tiles.first * kTileBlocks; b < tiles.end * kTileBlocks; ++b) {
        const uint32_t index = tiles.chunk * kChunkBlocks + b;
        if (index * kBlockTokens > last_position) break;
        blocks[b] = arena_.head(own.block_table[index], layer, own.kv_head);
        if (asks) ahead[b] = block_ahead(route, layer, index);
    }
    attend_({scratch.q, head_dim_, scratch.positions, rows, last_position, tiles.chunk * kAttentionChunk,
             tiles.first, tiles.end, blocks, asks ? ahead : nullptr, &arena_.layout(), scratch.kernel,
             result.peak, result.weight, result.value});
}

/// What is asked for while block `index` is read; where nothing follows, that block itself.
const std::byte* Attention::block_ahead(Route route, uint32_t layer, uint32_t index) const {
    uint32_t at = index - route.front().first + blocks_ahead();  // from the route's beginning
    for (const Walk& walk : route) {
        const uint32_t blocks = walk.end - walk.first;
        if (at < blocks) return arena_.head(walk.block_table[walk.first + at], layer, walk.kv_head);
        at -= blocks;
    }
    return arena_.head(route.front().block_table[index], layer, route.front().kv_head);
}

void Attention::merge_rows(uint32_t rows, const Partial& sum, const Partial& next) {
    for (uint32_t row = 0; row < rows; ++row) {
        const size_t at = size_t{row} * v_dim();
        kernels_.merge({sum.peak + row, sum.weight + row, sum.value + at, next.peak[row], next.weight[row],
                        next.value + at, v_dim()});
    }
}

void Attention::write_out(const Item& item, const Partial& sum, const Attended& out) {
    for (uint32_t row = 0; row < item.tokens * group(); ++row) {
        const uint32_t token = sequences_[item.sequence].first_row + item.first_token + row / group(),
                       column = (item.kv_head * group() + row % group()) * head_dim_;
        float* target = out.data + token * out.ld + column;
        const float* value = sum.value + size_t{row} * v_dim();
        kernels_.scale(value, 1.0f / sum.weight[row], head_dim_, target);
        kernels_.rotate_runs(arena_.layout().v.rotation, head_dim_, target);
        if (out.taker != nullptr) out.taker->take_part(token, column, head_dim_, target);
    }
}

void Attention::finish_split(const Split& split, const Attended& out) {
    const Item& item = items_[split.first_item];
    const Partial sum = partial_at(item.part);
    for (uint32_t i = 1; i < split.items; ++i)
        merge_rows(item.tokens * group(), sum, partial_at(items_[split.first_item + i].part));
    write_out(item, sum, out);
}

}  // namespace pitwall::engine::cpu
