// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/kv_size.h"

#include <algorithm>

namespace pitwall::telemetry {

namespace {

constexpr uint32_t kVector = 16;     ///< values of a vector
constexpr uint32_t kInt4Group = 32;  ///< also what one row of packed V holds per 16 bytes

KvSideSize plain(uint32_t bits) { return {.bits = bits}; }

KvSideSize scaled(uint32_t bits, uint32_t group, uint32_t numbers, uint32_t head_dim) {
    return {.bits = bits,
            .group = group,
            .groups = group == 0 ? 0 : (head_dim + group - 1) / group,
            .numbers = numbers};
}

/// One scale a token and head.
KvSideSize byte_wide(uint32_t head_dim) { return scaled(8, head_dim, 1, head_dim); }
/// A scale and a minimum a group.
KvSideSize half_byte(uint32_t head_dim) { return scaled(4, std::min(kInt4Group, head_dim), 2, head_dim); }

uint64_t side_bytes(const KvSideSize& side, uint32_t dim, uint32_t tokens) {
    return uint64_t{dim} * tokens * side.bits / 8 + uint64_t{tokens} * side.scale_bytes();
}

}  // namespace

KvSides kv_sides(KvDtype dtype, uint32_t head_dim) {
    switch (dtype) {
        case KvDtype::kF32:
            return {plain(32), plain(32)};
        case KvDtype::kF16:
        case KvDtype::kBf16:
            return {plain(16), plain(16)};
        case KvDtype::kFp8:
        case KvDtype::kInt8:
            return {byte_wide(head_dim), byte_wide(head_dim)};
        case KvDtype::kK8V4:
            return {byte_wide(head_dim), half_byte(head_dim)};
        case KvDtype::kInt4:
            return {half_byte(head_dim), half_byte(head_dim)};
        case KvDtype::kCount:
            break;
    }
    return {};
}

uint32_t kv_padded_value_dim(const KvSideSize& v, uint32_t head_dim) {
    const uint32_t multiple = v.bits == 4 ? kInt4Group : kVector;
    return (head_dim + multiple - 1) / multiple * multiple;
}

uint64_t kv_head_bytes(KvDtype dtype, uint32_t head_dim, uint32_t tokens) {
    const KvSides sides = kv_sides(dtype, head_dim);
    return side_bytes(sides.k, head_dim, tokens) +
           side_bytes(sides.v, kv_padded_value_dim(sides.v, head_dim), tokens);
}

uint64_t kv_latent_bytes(KvDtype dtype, uint32_t dim, uint32_t tokens) {
    return side_bytes(kv_sides(dtype, dim).k, dim, tokens);
}

}  // namespace pitwall::telemetry
