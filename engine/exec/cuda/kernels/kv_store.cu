// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/exec/cuda/kernels/attention.h"
#include "engine/exec/cuda/kernels/kv_code.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kThreads = 128, kWarps = kThreads / kWarp;

struct RotationArgs {
    Float2* rotations;
    uint32_t positions, pairs;
    double step;  ///< log2 of what a pair's frequency is to the next one's
};

PITWALL_KERNEL fill_rotations_kernel(RotationArgs args) {
    begin_kernel();
    const uint32_t at = block_x() * kThreads + thread(), position = at / args.pairs;
    if (position >= args.positions) return;
    const double angle = position * exp2(args.step * (at % args.pairs));
    args.rotations[at] = {static_cast<float>(cos(angle)), static_cast<float>(sin(angle))};
}

/// Rotary embedding of adjacent pairs (Su et al. 2021).
template <uint32_t kOwn>
PITWALL_DEVICE void rotate_pairs(LaneValues<kOwn>& x, const Float2* rotations) {
    if constexpr (kOwn == 1) {
        const Float2 turn = rotations[lane() / 2];
        const float other = shuffle_xor(x[0], 1);
        x[0] = fmaf(x[0], turn.x, lane() % 2 == 0 ? -(other * turn.y) : other * turn.y);
    } else {
#pragma unroll
        for (uint32_t i = 0; i < kOwn; i += 2) {
            const Float2 turn = rotations[(lane() * kOwn + i) / 2];
            const float a = x[i], b = x[i + 1];
            x[i] = fmaf(a, turn.x, -(b * turn.y));
            x[i + 1] = fmaf(b, turn.x, a * turn.y);
        }
    }
}

/// Rotated as K is, so that scores stay what they are, and in the number in which they are computed.
template <uint32_t kOwn>
PITWALL_DEVICE void store_query(const StoreArgs& args, uint32_t token, uint32_t head, LaneValues<kOwn>& x) {
    constexpr uint32_t kDim = kOwn * kWarp;
    constexpr float kLog2E = 1.4426950408889634f;
    const KvCoding& coding = args.pool.layout.k;
    if (coding.rotation != 0) rotate_registers(x);
    const float factor = kLog2E / sqrtf(static_cast<float>(kDim));
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) x[i] = bounded(x[i] * factor, kLargestHalf);
    auto* const row = args.q + (static_cast<size_t>(token) * args.heads + head) * kDim;
    store_wide<kOwn>(coding.number, x, reinterpret_cast<std::byte*>(row));
}

template <uint32_t kOwn>
PITWALL_DEVICE void store_key_or_value(const StoreArgs& args, uint32_t token, uint32_t kv_head, bool value,
                                       LaneValues<kOwn>& x) {
    const uint32_t slot = args.slots[token];
    if (slot == kNoSlot) return;
    const engine::KvHeadLayout& layout = args.pool.layout;
    const KvCoding& coding = value ? layout.v : layout.k;
    const size_t head = static_cast<size_t>(args.layer) * args.pool.kv_heads + kv_head;
    std::byte* const start =
        args.pool.data + slot / kBlockTokens * args.pool.block_bytes + head * layout.bytes;
    prepare_values<kOwn>(coding, x);
    store_row<kOwn>(coding, x, coded_row(layout, value, slot % kBlockTokens, start));
}

/// A warp for each head of a token: queries, then keys, then values.
template <uint32_t kOwn>
PITWALL_KERNEL rotate_and_store_kernel(StoreArgs args) {
    begin_kernel();
    constexpr uint32_t kDim = kOwn * kWarp;
    const uint32_t token = block_x(), head = block_y() * kWarps + warp(), kv_heads = args.pool.kv_heads;
    if (head >= args.heads + 2 * kv_heads) return;
    const bool value = head >= args.heads + kv_heads;
    const float* const from =
        args.qkv + static_cast<size_t>(token) * args.ld_qkv + head * kDim + lane() * kOwn;
    float x[kOwn];
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) x[i] = from[i];
    if (!value)
        rotate_pairs<kOwn>(x, args.rotations + static_cast<size_t>(args.positions[token]) * (kDim / 2));
    if (head < args.heads)
        store_query<kOwn>(args, token, head, x);
    else
        store_key_or_value<kOwn>(args, token, (head - args.heads) % kv_heads, value, x);
}

}  // namespace

void fill_rotations(Stream& stream, Float2* rotations, uint32_t positions, uint32_t head_dim,
                    double rope_base) {
    const uint32_t pairs = head_dim / 2;
    const RotationArgs args{rotations, positions, pairs, -2.0 / head_dim * std::log2(rope_base)};
    launch(
        stream,
        {.kernel = "fill_rotations", .x = (positions * pairs + kThreads - 1) / kThreads, .threads = kThreads},
        fill_rotations_kernel, args);
}

void rotate_and_store(Stream& stream, const StoreArgs& args, uint32_t tokens) {
    const uint32_t heads = args.heads + 2 * args.pool.kv_heads;
    const LaunchShape shape{
        .kernel = "rotate_and_store", .x = tokens, .y = (heads + kWarps - 1) / kWarps, .threads = kThreads};
    switch (args.pool.layout.head_dim) {
        case 32:
            return launch(stream, shape, rotate_and_store_kernel<1>, args);
        case 64:
            return launch(stream, shape, rotate_and_store_kernel<2>, args);
        case 128:
            return launch(stream, shape, rotate_and_store_kernel<4>, args);
        default:
            return;
    }
}

}  // namespace pitwall::cuda
