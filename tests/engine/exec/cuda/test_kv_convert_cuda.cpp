// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/engine/exec/cuda/attention_fixture.h"

namespace pitwall::cuda {
namespace {

constexpr KvDtype kFormats[] = {KvDtype::kF16,  KvDtype::kBf16, KvDtype::kFp8,
                                KvDtype::kInt8, KvDtype::kK8V4, KvDtype::kInt4};

class CudaKvConvert : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// The bytes of a pool into which `ids` of the bench's were converted. All others may be looked at: they are poison.
    std::vector<uint8_t> converted(AttentionBench& bench, KvDtype to, const std::vector<uint32_t>& ids) {
        KvPool pool = bench.pool();
        pool.layout = engine::kv_head_layout(to, bench.shapes().head_dim);
        pool.block_bytes = uint64_t{pool.layout.bytes} * pool.layers * pool.kv_heads;
        const DeviceArray<uint8_t> memory(stream, pool.block_bytes * bench.blocks());
        const DeviceArray<uint32_t> device_ids(stream, ids);
        pool.data = reinterpret_cast<std::byte*>(memory.data());
        convert_blocks(stream, {bench.pool(), pool, device_ids.data(), device_ids.data()},
                       static_cast<uint32_t>(ids.size()));
        auto bytes = memory.read();
        for (uint32_t block = 0; block < bench.blocks(); ++block)
            if (std::find(ids.begin(), ids.end(), block) == ids.end())
                emulator::mark_written(bytes.data() + block * pool.block_bytes, pool.block_bytes);
        return bytes;
    }

    Stream stream;
};

/// All layers and heads, full blocks.
AttentionBench filled(Stream& stream, KvDtype dtype, uint32_t head_dim, float size = 1) {
    AttentionBench bench(stream, {dtype, head_dim, 2, 2, 1, 0}, {48}, 9, size);
    bench.store_until(0, 48);
    return bench;
}

TEST_F(CudaKvConvert, FromF16HasTheBitsOfAFirstWriting) {
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u})
            for (const float size : {1e-6f, 1.0f, 1e4f}) {
                auto f16 = filled(stream, KvDtype::kF16, head_dim, size);
                const auto direct = filled(stream, dtype, head_dim, size);
                EXPECT_EQ(converted(f16, dtype, f16.table(0)), with_poison(direct.pool_bytes()))
                    << int(dtype);
            }
}

/// Both sides of a block, `token` of `kv_head`, in a pool of that layout.
std::vector<double> row_of(const std::vector<uint8_t>& bytes, const engine::KvHeadLayout& layout,
                           uint32_t block, uint32_t kv_head, bool value, uint32_t token) {
    const size_t at = (size_t{block} * 2 + kv_head) * layout.bytes;
    return read_row(layout, reinterpret_cast<const std::byte*>(bytes.data()) + at, value, token);
}

double tolerance(engine::KvNumber number) {
    return number == engine::KvNumber::kInt4   ? 0.12
           : number == engine::KvNumber::kFp8  ? 0.04
           : number == engine::KvNumber::kInt8 ? 0.015
           : number == engine::KvNumber::kBf16 ? 3e-3
                                               : 4e-4;
}

TEST_F(CudaKvConvert, EveryFormatToEveryOther) {
    for (const KvDtype from : kFormats) {
        auto bench = filled(stream, from, 64);
        const auto before = bench.pool_bytes();
        const auto& old_layout = bench.pool().layout;
        for (const KvDtype to : kFormats) {
            const auto after = converted(bench, to, bench.table(0));
            const auto layout = engine::kv_head_layout(to, 64);
            for (const uint32_t block : bench.table(0))
                for (uint32_t i = 0; i < 64; ++i) {
                    const bool value = i % 2 == 1;
                    const auto old_row = row_of(before, old_layout, block, i / 2 % 2, value, i / 4);
                    const auto new_row = row_of(after, layout, block, i / 2 % 2, value, i / 4);
                    const auto &old_coding = value ? old_layout.v : old_layout.k,
                               &coding = value ? layout.v : layout.k;
                    if (coding.number == old_coding.number)
                        ASSERT_EQ(new_row, old_row) << "what stays in its format stays as it is";
                    else
                        ASSERT_LT(relative_error(new_row, old_row), tolerance(coding.number));
                }
        }
    }
}

TEST_F(CudaKvConvert, OnlyBlocksThatAreNamed) {
    auto bench = filled(stream, KvDtype::kF16, 32);
    const auto all = converted(bench, KvDtype::kInt8, bench.table(0));
    const uint32_t id = bench.table(0)[1];
    const auto one = converted(bench, KvDtype::kInt8, {id});
    const size_t block_bytes = all.size() / bench.blocks();
    for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(one[i], i / block_bytes == id ? all[i] : 0xff);
    EXPECT_EQ(converted(bench, KvDtype::kInt8, {}), std::vector<uint8_t>(all.size(), 0xff));
}

TEST_F(CudaKvConvert, BlocksAreCopiedWhole) {
    for (const KvDtype dtype : kFormats) {
        AttentionBench bench(stream, {dtype, 128, 2, 2, 3, 1}, {16, 16, 16, 16}, 4);
        for (uint32_t i = 0; i < 2; ++i) bench.store_until(i, 16);
        auto want = with_poison(bench.pool_bytes());
        const size_t bytes = bench.pool().block_bytes;
        std::vector<uint32_t> pairs;
        for (uint32_t i = 0; i < 2; ++i) {
            const uint32_t from = bench.table(i)[0], to = bench.table(i + 2)[0];
            pairs.insert(pairs.end(), {from, to});
            std::memcpy(want.data() + to * bytes, want.data() + from * bytes, bytes);
        }
        const DeviceArray<uint32_t> device_pairs(stream, pairs);
        copy_blocks(stream, bench.pool(), device_pairs.data(), 2);
        EXPECT_EQ(with_poison(bench.pool_bytes()), want);
        copy_blocks(stream, bench.pool(), device_pairs.data(), 0);
    }
}

/// A sequence goes on in another format, with what it has read.
TEST_F(CudaKvConvert, AttentionGoesOnInTheOtherFormat) {
    for (const KvDtype dtype : kFormats) {
        auto f16 = filled(stream, KvDtype::kF16, 64);
        auto other = filled(stream, dtype, 64);
        const auto want = other.run({{0, 40, 8}});
        const auto bytes = converted(f16, dtype, f16.table(0));
        stream.copy_to_device(other.pool().data, bytes.data(), bytes.size());
        EXPECT_EQ(other.run({{0, 40, 8}}), want);
    }
}

}  // namespace
}  // namespace pitwall::cuda
