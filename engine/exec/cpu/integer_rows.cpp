// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/integer_rows.h"

#include <algorithm>
#include <cassert>

#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::engine::cpu {
namespace {

size_t group_bytes(ActivationDtype dtype) {
    return dtype == ActivationDtype::kI16 ? sizeof(GroupI16) : sizeof(GroupI8);
}

/// Where several tiles follow each other, activations of one are to stay in the first-level cache while panels pass by: with more
/// prompts are a few per cent slower (of 576 and 1,536 columns).
constexpr uint32_t kHighestOfSeveral = 16;

/// One tile if there is one so high; else tiles of nearly equal height, as few as may be: a full tile and a sliver would unpack
/// weights for the sliver. It has to be the height of a kernel, which writes all its rows.
uint32_t kernel_height(const IntegerKernels& kernels, ActivationDtype dtype, uint32_t tokens) {
    auto end = std::ranges::find(kernels.heights, uint8_t{0});
    while (dtype == ActivationDtype::kI16 && *(end - 1) > kernels.most_tokens_i16) --end;
    const uint32_t highest = *(end - 1);
    const uint32_t most = tokens <= highest ? highest : std::min(highest, kHighestOfSeveral);
    const uint32_t tiles = (tokens + most - 1) / most;
    return *std::lower_bound(kernels.heights.begin(), end, (tokens + tiles - 1) / tiles);
}

}  // namespace

Result<IntegerRows> IntegerRows::create(uint32_t tokens, uint32_t k) {
    IntegerRows rows;
    // The last tile may be up to a whole tile's height wider than the tokens it holds.
    const size_t slots = size_t{tokens} + kMostTileTokens;
    const size_t groups = (k + kGroupValues - 1) / kGroupValues;
    auto values = PageBuffer::allocate(slots * groups * sizeof(GroupI16), "integer activations");
    if (!values.ok()) return values.error();
    auto scales = PageBuffer::allocate(slots * sizeof(float), "integer activations");
    if (!scales.ok()) return scales.error();
    rows.groups_ = std::move(values).value();
    rows.scales_ = std::move(scales).value();
    return rows;
}

void IntegerRows::lay_out(const Kernels& kernels, ActivationDtype dtype, uint32_t k, uint32_t tokens,
                          uint32_t shares) {
    assert(is_integer(dtype) && k % kGroupValues == 0 && tokens > 0 && shares > 0);
    dtype_ = dtype;
    tokens_ = tokens;
    k_ = k;
    shares_ = shares;
    height_ = kernel_height(kernels.integer, dtype, (tokens + shares - 1) / shares);
    group_stride_ = height_ * group_bytes(dtype);
    tile_stride_ = k / kGroupValues * group_stride_;
    assert((tokens + height_ - 1) / height_ * tile_stride_ <= groups_.bytes());
}

void IntegerRows::round(const Kernels& kernels, uint32_t token, const float* x) {
    std::byte* first =
        groups_.data() + token / height_ * tile_stride_ + token % height_ * group_bytes(dtype_);
    const auto round = dtype_ == ActivationDtype::kI16 ? kernels.integer.round_i16 : kernels.integer.round_i8;
    round(x, k_, first, group_stride_, reinterpret_cast<float*>(scales_.data()) + token);
}

TileRows IntegerRows::tile(uint32_t tile, uint32_t first_group) const {
    const uint32_t first = tile * height_;
    return {dtype_, groups_.data() + tile * tile_stride_ + first_group * group_stride_, group_stride_,
            reinterpret_cast<const float*>(scales_.data()) + first, std::min(height_, tokens_ - first)};
}

}  // namespace pitwall::engine::cpu
