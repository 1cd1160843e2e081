// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sixteen lanes in plain C++: any processor, and what the other tiers are compared with. A product and a sum round
// separately here, so its bits are its own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/model/half.h"

#ifdef PITWALL_SANITIZED  // inlined, what sanitizers add takes a minute to compile
#define PITWALL_LANES static inline
#define PITWALL_LAMBDA
#else
#define PITWALL_LANES [[gnu::always_inline]] static inline
#define PITWALL_LAMBDA __attribute__((always_inline))
#endif

namespace pitwall::engine::cpu {
namespace {

using pitwall::engine::bfloat16_to_float;
using pitwall::engine::float_to_half;
using pitwall::engine::half_to_float;

struct F {
    float v[16];
};
struct I {
    uint32_t v[16];
};

template <class Function>
PITWALL_LANES F each(Function function) {
    F out;
    for (int i = 0; i < 16; ++i) out.v[i] = function(i);
    return out;
}
template <class Function>
PITWALL_LANES I each_bits(Function function) {
    I out;
    for (int i = 0; i < 16; ++i) out.v[i] = function(i);
    return out;
}
template <class Value>
PITWALL_LANES Value value_at(const void* p, int i) {
    Value value;
    std::memcpy(&value, static_cast<const char*>(p) + sizeof(Value) * static_cast<size_t>(i), sizeof value);
    return value;
}

PITWALL_LANES F zero() { return F{}; }
PITWALL_LANES F broadcast(float x) {
    return each([x](int) { return x; });
}
PITWALL_LANES F load(const float* p) {
    return each([p](int i) { return p[i]; });
}
PITWALL_LANES void store(float* p, F a) { std::memcpy(p, a.v, sizeof a.v); }
PITWALL_LANES F add(F a, F b) {
    return each([&](int i) { return a.v[i] + b.v[i]; });
}
PITWALL_LANES F sub(F a, F b) {
    return each([&](int i) { return a.v[i] - b.v[i]; });
}
PITWALL_LANES F mul(F a, F b) {
    return each([&](int i) { return a.v[i] * b.v[i]; });
}
PITWALL_LANES F div(F a, F b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
}
PITWALL_LANES F fma(F a, F b, F c) {
    return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
/// Where a is not a number, b.
PITWALL_LANES F max(F a, F b) {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
PITWALL_LANES F min(F a, F b) {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
/// a < b ? x : y, lane by lane.
PITWALL_LANES F select_less(F a, F b, F x, F y) {
    return each([&](int i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
}
/// a >= b in any lane.
PITWALL_LANES bool any_at_least(F a, F b) {
    for (int i = 0; i < 16; ++i)
        if (a.v[i] >= b.v[i]) return true;
    return false;
}

PITWALL_LANES I load_bits(const void* p) {
    return each_bits([p](int i) { return value_at<uint32_t>(p, i); });
}
PITWALL_LANES I broadcast_bits(int32_t x) {
    return each_bits([x](int) { return static_cast<uint32_t>(x); });
}
template <int kBits>
PITWALL_LANES I shift_right(I a) {
    return each_bits([&](int i) { return a.v[i] >> kBits; });
}
template <int kBits>
PITWALL_LANES I shift_left(I a) {
    return each_bits([&](int i) { return a.v[i] << kBits; });
}
PITWALL_LANES I shift_right(I a, uint32_t bits) {
    return each_bits([&](int i) { return a.v[i] >> bits; });
}
template <int kBits>
PITWALL_LANES I shift_right_signed(I a) {
    return each_bits([&](int i) { return static_cast<uint32_t>(static_cast<int32_t>(a.v[i]) >> kBits); });
}
PITWALL_LANES I flip(I a, I b) {
    return each_bits([&](int i) { return a.v[i] ^ b.v[i]; });
}
PITWALL_LANES I both(I a, I b) {
    return each_bits([&](int i) { return a.v[i] & b.v[i]; });
}
PITWALL_LANES I either(I a, I b) {
    return each_bits([&](int i) { return a.v[i] | b.v[i]; });
}
PITWALL_LANES I add(I a, I b) {
    return each_bits([&](int i) { return a.v[i] + b.v[i]; });
}
PITWALL_LANES I sub(I a, I b) {
    return each_bits([&](int i) { return a.v[i] - b.v[i]; });
}
PITWALL_LANES F to_float(I a) {
    return each([&](int i) { return static_cast<float>(static_cast<int32_t>(a.v[i])); });
}
PITWALL_LANES F as_float(I a) {
    return each([&](int i) { return std::bit_cast<float>(a.v[i]); });
}
PITWALL_LANES I as_bits(F a) {
    return each_bits([&](int i) { return std::bit_cast<uint32_t>(a.v[i]); });
}

PITWALL_LANES I load_int8(const void* p) {
    return each_bits([p](int i) { return static_cast<uint32_t>(int32_t{value_at<int8_t>(p, i)}); });
}
PITWALL_LANES I load_uint8(const void* p) {
    return each_bits([p](int i) { return uint32_t{value_at<uint8_t>(p, i)}; });
}
PITWALL_LANES F load_half(const void* p) {
    return each([p](int i) { return half_to_float(value_at<uint16_t>(p, i)); });
}
PITWALL_LANES F load_bfloat(const void* p) {
    return each([p](int i) { return bfloat16_to_float(value_at<uint16_t>(p, i)); });
}
PITWALL_LANES void store_half(void* p, F a) {
    for (int i = 0; i < 16; ++i) {
        const uint16_t half = float_to_half(a.v[i]);
        std::memcpy(static_cast<char*>(p) + 2 * i, &half, sizeof half);
    }
}

/// Rounded to binary16 and back.
PITWALL_LANES F through_half(F a) {
    return each([&](int i) { return half_to_float(float_to_half(a.v[i])); });
}

/// To the nearest integer, ties to even: what 1.5 * 2^23 leaves of the sum's low bits. For |a| < 2^22.
PITWALL_LANES I to_int(F a) {
    return each_bits([&](int i) { return std::bit_cast<uint32_t>(a.v[i] + 12582912.0f) - 0x4b400000u; });
}
/// The lowest byte, or two, of each lane.
template <class Value>
PITWALL_LANES void store_low(void* p, I a) {
    for (int i = 0; i < 16; ++i) {
        const auto low = static_cast<Value>(a.v[i]);
        std::memcpy(static_cast<char*>(p) + sizeof low * static_cast<size_t>(i), &low, sizeof low);
    }
}
PITWALL_LANES void store_bytes(void* p, I a) { store_low<uint8_t>(p, a); }
PITWALL_LANES void store_words(void* p, I a) { store_low<uint16_t>(p, a); }

/// The low four bits of each lane, less kOffset, as float.
template <int kOffset>
PITWALL_LANES F low_nibble(I a) {
    return each([&](int i) { return static_cast<float>(static_cast<int32_t>(a.v[i] & 15u) - kOffset); });
}

/// Each lane of a pair in the other's place.
PITWALL_LANES F swap_neighbours(F a) {
    return each([&](int i) { return a.v[i ^ 1]; });
}

/// Each lane with the one kHalf away: a + b in the lower of the two, a - b in the upper.
template <int kHalf>
PITWALL_LANES F butterfly(F a) {
    return each([&](int i) { return i & kHalf ? a.v[i - kHalf] - a.v[i] : a.v[i] + a.v[i + kHalf]; });
}

/// Sums and maxima fold halves onto each other, the same way in every tier.
PITWALL_LANES float horizontal_sum(F a) {
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) a.v[i] += a.v[i + half];
    }
    return a.v[0];
}
PITWALL_LANES float horizontal_max(F a) {
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    }
    return a.v[0];
}

constexpr int kTileVectors = 1;
constexpr int kTileRows[kTileVectors + 1] = {0, 2};
constexpr int kDirectPanels[5] = {0, 1, 0, 0, 0};  ///< several tokens go by way of the float scratch
constexpr int kHalfRows = 0;  ///< most queries that read K and V in binary16 where they lie

}  // namespace
}  // namespace pitwall::engine::cpu
