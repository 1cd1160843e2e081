// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/attention.h"
#include "engine/exec/cuda/kernels/kv_code.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

// ---- copies ----

constexpr uint32_t kCopyThreads = 256, kPiecesOfThread = 4, kPiece = sizeof(Words4);

struct CopyArgs {
    KvPool pool;
    const uint32_t* pairs;
};

PITWALL_KERNEL copy_blocks_kernel(CopyArgs args) {
    begin_kernel();
    const uint32_t source = args.pairs[2 * block_x()], target = args.pairs[2 * block_x() + 1];
    const std::byte* const from = args.pool.data + source * args.pool.block_bytes;
    std::byte* const to = args.pool.data + target * args.pool.block_bytes;
#pragma unroll
    for (uint32_t i = 0; i < kPiecesOfThread; ++i) {
        const size_t piece = (static_cast<size_t>(block_y()) * kPiecesOfThread + i) * kCopyThreads + thread();
        if (piece * kPiece < args.pool.block_bytes)
            *reinterpret_cast<Words4*>(to + piece * kPiece) = load16_once(from + piece * kPiece);
    }
}

// ---- conversions ----

constexpr uint32_t kThreads = 128, kWarps = kThreads / kWarp;

template <uint32_t kOwn>
PITWALL_DEVICE void load_wide(KvNumber number, const CodedRow& row, LaneValues<kOwn>& x) {
    const auto own = own_part<uint16_t, kOwn>(row.values);
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i)
        x[i] = number == KvNumber::kBf16 ? to_float(Bfloat{own.numbers[i]}) : to_float(Half{own.numbers[i]});
}

template <uint32_t kOwn>
PITWALL_DEVICE void load_bytes(KvNumber number, const CodedRow& row, LaneValues<kOwn>& x) {
    const float scale = to_float(Half{row.scales[0]});
    const auto own = own_part<uint8_t, kOwn>(row.values);
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) {
        const uint8_t code = own.numbers[i];
        x[i] = scale * (number == KvNumber::kFp8 ? to_float(E4m3{code})
                                                 : static_cast<float>(static_cast<int8_t>(code)));
    }
}

template <uint32_t kOwn>
PITWALL_DEVICE void load_nibbles(const CodedRow& row, LaneValues<kOwn>& x) {
    const uint16_t* const own = row.scales + lane() * kOwn / 32 * 2;
    const float scale = to_float(Half{own[0]}), minimum = to_float(Half{own[1]});
    uint32_t codes;
    if constexpr (kOwn == 1) {
        codes = static_cast<uint32_t>(row.values[lane() / 2]) >> lane() % 2 * 4;
    } else {
        const auto bytes = own_part<uint8_t, kOwn / 2>(row.values);
        codes = bytes.numbers[0];
        if constexpr (kOwn == 4) codes |= uint32_t{bytes.numbers[1]} << 8;
    }
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) x[i] = fmaf(static_cast<float>(codes >> 4 * i & 15), scale, minimum);
}

/// As float, and not rotated.
template <uint32_t kOwn>
PITWALL_DEVICE void load_row(const KvCoding& coding, const CodedRow& row, LaneValues<kOwn>& x) {
    if (coding.number == KvNumber::kInt4)
        load_nibbles<kOwn>(row, x);
    else if (coding.number == KvNumber::kInt8 || coding.number == KvNumber::kFp8)
        load_bytes<kOwn>(coding.number, row, x);
    else
        load_wide<kOwn>(coding.number, row, x);
    if (coding.rotation != 0) rotate_registers(x);
}

PITWALL_DEVICE bool same_coding(const KvCoding& a, const KvCoding& b) {
    return a.number == b.number && a.rotation == b.rotation;
}

/// What stays in its format keeps its bits.
PITWALL_DEVICE void copy_row(const KvCoding& coding, uint32_t dim, const CodedRow& from, const CodedRow& to) {
    const auto* const words = reinterpret_cast<const uint32_t*>(from.values);
    auto* const target = reinterpret_cast<uint32_t*>(to.values);
    for (uint32_t i = lane(); i < dim * number_bits(coding.number) / 32; i += kWarp) target[i] = words[i];
    for (uint32_t i = lane(); i < coding.groups * coding.numbers; i += kWarp) to.scales[i] = from.scales[i];
}

PITWALL_DEVICE std::byte* head_of(const KvPool& pool, uint32_t block, uint32_t head) {
    return pool.data + block * pool.block_bytes + static_cast<size_t>(head) * pool.layout.bytes;
}

/// A block for one head of a layer; each warp takes some of its 16 tokens' K and V. Slots that were never filled are
/// converted like the others: nobody reads them.
template <uint32_t kOwn>
PITWALL_KERNEL convert_blocks_kernel(ConvertArgs args) {
    begin_kernel();
    const uint32_t old_block = args.sources[block_x()], new_block = args.targets[block_x()];
    const uint32_t head = block_y();
    const engine::KvHeadLayout &from = args.from.layout, &to = args.to.layout;
    for (uint32_t i = warp(); i < 2 * kBlockTokens; i += kWarps) {
        const bool value = i >= kBlockTokens;
        const KvCoding &old_coding = value ? from.v : from.k, &new_coding = value ? to.v : to.k;
        const CodedRow source = coded_row(from, value, i % kBlockTokens, head_of(args.from, old_block, head));
        const CodedRow target = coded_row(to, value, i % kBlockTokens, head_of(args.to, new_block, head));
        if (same_coding(old_coding, new_coding)) {
            copy_row(old_coding, from.head_dim, source, target);
            continue;
        }
        float x[kOwn];
        load_row<kOwn>(old_coding, source, x);
        prepare_values<kOwn>(new_coding, x);
        store_row<kOwn>(new_coding, x, target);
    }
}

}  // namespace

void copy_blocks(Stream& stream, const KvPool& pool, const uint32_t* pairs, uint32_t count) {
    const uint64_t pieces = pool.block_bytes / kPiece;
    constexpr uint32_t kOfBlock = kCopyThreads * kPiecesOfThread;
    const auto blocks = static_cast<uint32_t>((pieces + kOfBlock - 1) / kOfBlock);
    launch(stream, {.kernel = "copy_blocks", .x = count, .y = blocks, .threads = kCopyThreads},
           copy_blocks_kernel, {pool, pairs});
}

void convert_blocks(Stream& stream, const ConvertArgs& args, uint32_t count) {
    const KvPool& from = args.from;
    const LaunchShape shape{
        .kernel = "convert_blocks", .x = count, .y = from.layers * from.kv_heads, .threads = kThreads};
    switch (from.layout.head_dim) {
        case 32:
            return launch(stream, shape, convert_blocks_kernel<1>, args);
        case 64:
            return launch(stream, shape, convert_blocks_kernel<2>, args);
        case 128:
            return launch(stream, shape, convert_blocks_kernel<4>, args);
        default:
            return;
    }
}

}  // namespace pitwall::cuda
