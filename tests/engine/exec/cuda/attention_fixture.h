// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sequences with random queries, keys and values, a paged cache of some format, and steps over them: for tests of attention.
// The cache is poisoned where nothing was written, blocks are dealt out in random order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>

#include "engine/exec/cuda/executor/attention_plan.h"
#include "engine/kv/kv_format.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cuda/device_array.h"

namespace pitwall::cuda {

using telemetry::KvDtype;

struct AttentionShapes {
    KvDtype dtype = KvDtype::kF16;
    uint32_t head_dim = 64, heads = 2, kv_heads = 1, layers = 1, layer = 0;
    uint32_t group() const { return heads / kv_heads; }
    uint32_t columns() const { return (heads + 2 * kv_heads) * head_dim; }
};

/// Tokens of one sequence that a step takes.
struct StepRows {
    uint32_t sequence, first_position, tokens;
};

/// A row of output as it lies in memory.
struct OutputRow {
    std::vector<uint16_t> numbers;
    float scale = 0;
    bool operator==(const OutputRow& other) const {
        return numbers == other.numbers && std::memcmp(&scale, &other.scale, sizeof scale) == 0;
    }
};

/// Orthonormal Hadamard transform, float64.
inline void rotate_back(uint32_t side, std::vector<double>& x) {
    for (uint32_t half = 1; half < side; half *= 2)
        for (uint32_t i = 0; i < side; ++i) {
            if ((i & half) != 0) continue;
            const double a = x[i], b = x[i + half];
            x[i] = a + b, x[i + half] = a - b;
        }
    if (side > 0)
        for (double& v : x) v /= std::sqrt(side);
}

inline double e4m3_value(uint8_t code) {
    const int exponent = code >> 3 & 15, fraction = code & 7;
    const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
    return (code & 0x80) != 0 ? -size : size;
}

/// One token's K or V as float64 from the bytes of its head's part of a block; written from the format's description alone.
inline std::vector<double> read_row(const engine::KvHeadLayout& layout, const std::byte* head, bool value,
                                    uint32_t token) {
    const engine::KvCoding& coding = value ? layout.v : layout.k;
    const uint32_t dim = layout.head_dim;
    const std::byte* values = head + (value ? layout.v_values : 0);
    const auto* scales =
        reinterpret_cast<const uint16_t*>(head + (value ? layout.v_scales : layout.k_scales)) +
        token * coding.groups * coding.numbers;
    const auto half = [](uint16_t bits) { return static_cast<double>(engine::half_to_float(bits)); };
    std::vector<double> x(dim);
    for (uint32_t d = 0; d < dim; ++d) {
        const uint32_t at = token * dim + d;
        const auto wide = reinterpret_cast<const uint16_t*>(values);
        const auto bytes = reinterpret_cast<const uint8_t*>(values);
        switch (coding.number) {
            case engine::KvNumber::kF16:
                x[d] = half(wide[at]);
                break;
            case engine::KvNumber::kBf16:
                x[d] = static_cast<double>(engine::bfloat16_to_float(wide[at]));
                break;
            case engine::KvNumber::kFp8:
                x[d] = e4m3_value(bytes[at]) * half(scales[0]);
                break;
            case engine::KvNumber::kInt8:
                x[d] = static_cast<int8_t>(bytes[at]) * half(scales[0]);
                break;
            case engine::KvNumber::kInt4:
                x[d] = (bytes[at / 2] >> (at % 2 * 4) & 15) * half(scales[d / 32 * 2]) +
                       half(scales[d / 32 * 2 + 1]);
                break;
            default:
                ADD_FAILURE() << "no such format here";
        }
    }
    rotate_back(coding.rotation, x);
    return x;
}

class AttentionBench {
  public:
    static constexpr double kRopeBase = 10000;
    static constexpr uint32_t kPositions = 2048;

    /// `lengths`: of the sequences, in tokens.
    AttentionBench(Stream& stream, const AttentionShapes& shapes, const std::vector<uint32_t>& lengths,
                   uint32_t seed, float size = 1)
        : stream_(stream),
          shapes_(shapes),
          random_(seed),
          rotations_(stream, kPositions * shapes.head_dim / 2) {
        std::normal_distribution<float> normal(0, size);
        for (const uint32_t length : lengths) {
            Sequence& sequence = sequences_.emplace_back();
            sequence.qkv.resize(size_t{length} * shapes.columns());
            for (float& x : sequence.qkv) x = normal(random_);
        }
        deal_blocks(lengths);
        pool_.layers = shapes.layers;
        pool_.kv_heads = shapes.kv_heads;
        pool_.layout = engine::kv_head_layout(shapes.dtype, shapes.head_dim);
        pool_.block_bytes = uint64_t{pool_.layout.bytes} * shapes.layers * shapes.kv_heads;
        memory_ = std::make_unique<DeviceArray<uint8_t>>(stream, pool_.block_bytes * blocks_);
        pool_.data = reinterpret_cast<std::byte*>(memory_->data());
        fill_rotations(stream, rotations_.data(), kPositions, shapes.head_dim, kRopeBase);
    }

    const KvPool& pool() const { return pool_; }
    uint32_t blocks() const { return blocks_; }
    std::vector<uint8_t> pool_bytes() const { return memory_->read(); }
    const std::vector<uint32_t>& table(uint32_t sequence) const { return sequences_[sequence].blocks; }
    std::vector<float>& qkv(uint32_t sequence) { return sequences_[sequence].qkv; }
    const AttentionShapes& shapes() const { return shapes_; }

    /// As plan_attention() has it; rows in the order of `step`, then `padding` rows of nobody.
    AttentionPlan plan(const std::vector<StepRows>& step, uint32_t padding = 0) const {
        std::vector<StepSequence> rows;
        uint32_t row = 0;
        for (const StepRows& some : step) {
            rows.push_back({row, some.tokens, some.first_position, sequences_[some.sequence].blocks});
            row += some.tokens;
        }
        return plan_attention(rows, row + padding, shapes_.group());
    }

    /// Stores the step's K and V and attends; a row of output for each of the step, padding too.
    std::vector<OutputRow> run(const std::vector<StepRows>& step, const AttentionPlan& plan,
                               OperandNumber number = OperandNumber::kHalf) {
        const auto rows = static_cast<uint32_t>(plan.row_parts.size() / 2);
        const DeviceArray<uint16_t> q(stream_, size_t{rows} * shapes_.heads * shapes_.head_dim);
        store(step, rows, q.data());
        return attend_rows(plan, rows, q.data(), number);
    }
    std::vector<OutputRow> run(const std::vector<StepRows>& step, uint32_t padding = 0) {
        return run(step, plan(step, padding));
    }

    /// Only stores what tokens up to `end` of a sequence bring.
    void store_until(uint32_t sequence, uint32_t end) {
        const DeviceArray<uint16_t> q(stream_, size_t{end} * shapes_.heads * shapes_.head_dim);
        store({{sequence, 0, end}}, end, q.data());
    }
    void store(const std::vector<StepRows>& step, uint32_t rows, uint16_t* q) {
        const uint32_t columns = shapes_.columns(), ld = columns + 5;
        std::vector<float> qkv(size_t{rows} * ld, std::numeric_limits<float>::quiet_NaN());
        std::vector<uint32_t> positions(rows, 0), slots(rows, kNoSlot);
        uint32_t row = 0;
        for (const StepRows& some : step)
            for (uint32_t i = 0; i < some.tokens; ++i, ++row) {
                const Sequence& sequence = sequences_[some.sequence];
                const uint32_t position = some.first_position + i;
                std::copy_n(sequence.qkv.begin() + static_cast<ptrdiff_t>(size_t{position} * columns),
                            columns, qkv.begin() + static_cast<ptrdiff_t>(size_t{row} * ld));
                positions[row] = position;
                slots[row] = sequence.blocks[position / 16] * 16 + position % 16;
            }
        const DeviceArray<float> device_qkv(stream_, qkv);
        const DeviceArray<uint32_t> device_positions(stream_, positions), device_slots(stream_, slots);
        rotate_and_store(stream_,
                         {pool_, shapes_.layer, device_qkv.data(), ld, shapes_.heads, rotations_.data(),
                          device_positions.data(), device_slots.data(), q},
                         rows);
        EXPECT_TRUE(stream_.synchronize().ok());
    }

    /// Rotary embedding of a row's head, float64.
    std::vector<double> roped(uint32_t sequence, uint32_t position, uint32_t head) const {
        const uint32_t dim = shapes_.head_dim;
        const float* const from =
            sequences_[sequence].qkv.data() + size_t{position} * shapes_.columns() + size_t{head} * dim;
        std::vector<double> x(from, from + dim);
        if (head >= shapes_.heads + shapes_.kv_heads) return x;
        for (uint32_t d = 0; d < dim; d += 2) {
            const double angle = position * std::pow(kRopeBase, -double(d) / dim);
            const double a = x[d], b = x[d + 1];
            x[d] = a * std::cos(angle) - b * std::sin(angle);
            x[d + 1] = b * std::cos(angle) + a * std::sin(angle);
        }
        return x;
    }

    /// What K or V of a token is in `bytes` of the pool.
    std::vector<double> stored(const std::vector<uint8_t>& bytes, uint32_t sequence, uint32_t position,
                               uint32_t kv_head, bool value) const {
        const uint64_t head = uint64_t{shapes_.layer} * shapes_.kv_heads + kv_head;
        const uint64_t at =
            sequences_[sequence].blocks[position / 16] * pool_.block_bytes + head * pool_.layout.bytes;
        return read_row(pool_.layout, reinterpret_cast<const std::byte*>(bytes.data()) + at, value,
                        position % 16);
    }

    /// Attention in float64 over what lies in the pool, [heads, head_dim].
    std::vector<double> want(const std::vector<uint8_t>& bytes, uint32_t sequence, uint32_t position) const {
        std::vector<double> out;
        for (uint32_t kv_head = 0; kv_head < shapes_.kv_heads; ++kv_head) {
            std::vector<std::vector<double>> k, v;
            for (uint32_t p = 0; p <= position; ++p) {
                k.push_back(stored(bytes, sequence, p, kv_head, false));
                v.push_back(stored(bytes, sequence, p, kv_head, true));
            }
            for (uint32_t i = 0; i < shapes_.group(); ++i)
                attend_slowly(roped(sequence, position, kv_head * shapes_.group() + i), k, v, out);
        }
        return out;
    }

    static std::vector<double> values_of(const OutputRow& row) {
        std::vector<double> x;
        for (const uint16_t bits : row.numbers)
            x.push_back(double(engine::half_to_float(bits)) * double(row.scale));
        return x;
    }

  private:
    struct Sequence {
        std::vector<float> qkv;  ///< [tokens, columns()]
        std::vector<uint32_t> blocks;
    };

    static void attend_slowly(const std::vector<double>& q, const std::vector<std::vector<double>>& k,
                              const std::vector<std::vector<double>>& v, std::vector<double>& out) {
        std::vector<double> weights;
        for (const auto& key : k)
            weights.push_back(std::inner_product(q.begin(), q.end(), key.begin(), 0.0) /
                              std::sqrt(static_cast<double>(q.size())));
        const double most = *std::max_element(weights.begin(), weights.end());
        double sum = 0;
        for (double& weight : weights) sum += weight = std::exp(weight - most);
        for (size_t d = 0; d < q.size(); ++d) {
            double x = 0;
            for (size_t p = 0; p < v.size(); ++p) x += weights[p] * v[p][d];
            out.push_back(x / sum);
        }
    }

    void deal_blocks(const std::vector<uint32_t>& lengths) {
        std::vector<uint32_t> owner;
        for (uint32_t i = 0; i < lengths.size(); ++i) owner.insert(owner.end(), (lengths[i] + 15) / 16, i);
        owner.push_back(UINT32_MAX);  // one that stays poisoned
        std::vector<uint32_t> order(owner.size());
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), random_);
        for (uint32_t i = 0; i < owner.size(); ++i)
            if (owner[i] != UINT32_MAX) sequences_[owner[i]].blocks.push_back(order[i]);
        blocks_ = static_cast<uint32_t>(owner.size());
    }

    std::vector<OutputRow> attend_rows(const AttentionPlan& plan, uint32_t rows, const uint16_t* q,
                                       OperandNumber number) {
        const uint32_t columns = shapes_.heads * shapes_.head_dim, ld = padded_columns(columns);
        const DeviceArray<SequenceRows> sequences(stream_, plan.sequences);
        const DeviceArray<uint32_t> tables(stream_, plan.tables), row_parts(stream_, plan.row_parts);
        const DeviceArray<AttendItem> decode(stream_, plan.decode_items),
            prefill(stream_, plan.prefill_items);
        const DeviceArray<float> parts(stream_,
                                       size_t{plan.parts} * part_floats(shapes_.heads, shapes_.head_dim) + 1);
        const DeviceArray<uint16_t> data(stream_, size_t{rows} * ld);
        const DeviceArray<float> scales(stream_, rows);
        attend(stream_, {.pool = pool_,
                         .layer = shapes_.layer,
                         .heads = shapes_.heads,
                         .q = q,
                         .sequences = sequences.data(),
                         .tables = tables.data(),
                         .decode_items = decode.data(),
                         .prefill_items = prefill.data(),
                         .num_decode_items = static_cast<uint32_t>(plan.decode_items.size()),
                         .num_prefill_items = static_cast<uint32_t>(plan.prefill_items.size()),
                         .row_parts = row_parts.data(),
                         .most_parts = plan.most_parts,
                         .parts = parts.data(),
                         .tokens = rows,
                         .out = {data.data(), scales.data(), columns, ld, number}});
        const auto numbers = data.read();
        const auto scale = scales.read();
        std::vector<OutputRow> out(rows);
        for (uint32_t row = 0; row < rows; ++row) {
            const auto begin = numbers.begin() + static_cast<ptrdiff_t>(size_t{row} * ld);
            out[row] = {{begin, begin + columns}, scale[row]};
            for (uint32_t i = columns; i < ld; ++i) EXPECT_EQ(begin[i], 0);
        }
        return out;
    }

    Stream& stream_;
    AttentionShapes shapes_;
    std::mt19937 random_;
    std::vector<Sequence> sequences_;
    uint32_t blocks_ = 0;
    KvPool pool_;
    std::unique_ptr<DeviceArray<uint8_t>> memory_;
    DeviceArray<Float2> rotations_;
};

}  // namespace pitwall::cuda
