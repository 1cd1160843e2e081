// SPDX-License-Identifier: GPL-3.0-or-later
//
// simt.h for a host compiler: every function is the emulator's, or plain arithmetic.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "engine/exec/cuda/emulator/block.h"
#include "engine/exec/cuda/emulator/matrix_unit.h"
#include "engine/exec/cuda/simt/numbers.h"
#include "engine/model/e4m3.h"
#include "engine/model/half.h"

#define PITWALL_KERNEL void
#define PITWALL_DEVICE inline
#define PITWALL_BOUNDS(threads, blocks)

namespace pitwall::cuda {

using emulator::Site;

inline void begin_kernel() {}

inline uint32_t thread() { return emulator::self().thread; }
inline uint32_t threads() { return emulator::shape().threads; }
inline uint32_t block_x() { return emulator::block_index().x; }
inline uint32_t block_y() { return emulator::block_index().y; }
inline uint32_t block_z() { return emulator::block_index().z; }
inline uint32_t blocks_x() { return emulator::shape().grid.x; }

inline void sync_block(Site site = Site::current()) { emulator::meet_block(site); }
inline void sync_warp(Site site = Site::current()) { emulator::meet_warp(nullptr, nullptr, nullptr, site); }

template <class T>
T shuffle(T value, uint32_t from_lane, Site site = Site::current()) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    struct In {
        T value;
        uint32_t from;
    } const in{value, from_lane};
    T out{};
    emulator::meet_warp(
        &in, &out,
        [](const void* const* ins, void* const* outs) {
            for (uint32_t i = 0; i < 32; ++i) {
                const uint32_t from = static_cast<const In*>(ins[i])->from % 32;
                *static_cast<T*>(outs[i]) = static_cast<const In*>(ins[from])->value;
            }
        },
        site);
    return out;
}
template <class T>
T shuffle_xor(T value, uint32_t mask, Site site = Site::current()) {
    return cuda::shuffle(value, (emulator::self().thread % 32) ^ mask, site);
}
inline uint32_t ballot(bool predicate, Site site = Site::current()) {
    uint32_t out = 0;
    emulator::meet_warp(
        &predicate, &out,
        [](const void* const* ins, void* const* outs) {
            uint32_t votes = 0;
            for (uint32_t i = 0; i < 32; ++i) votes |= uint32_t{*static_cast<const bool*>(ins[i])} << i;
            for (uint32_t i = 0; i < 32; ++i) *static_cast<uint32_t*>(outs[i]) = votes;
        },
        site);
    return out;
}

/// A block's threads take turns, and only where they meet.
inline uint32_t add_atomically(uint32_t* shared, uint32_t value) {
    return std::exchange(*shared, *shared + value);
}
inline void or_atomically(uint32_t* shared, uint32_t bits) { *shared |= bits; }

class SharedMemory {
  public:
    template <class T>
    T* take(uint32_t count) {
        return static_cast<T*>(emulator::take_shared(taken_++, size_t{count} * sizeof(T)));
    }

  private:
    uint32_t taken_ = 0;
};

inline void copy_async(void* shared, const void* global, bool valid = true) {
    emulator::copy_async(shared, valid ? global : nullptr);
}
inline void commit_copies() { emulator::commit_copies(); }
template <int kPending>
void wait_copies() {
    emulator::wait_copies(kPending);
}

template <class T>
T load_aligned(const void* from) {
    emulator::check_aligned(from, sizeof(T));
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
inline Words4 load16(const void* from) { return load_aligned<Words4>(from); }
inline Words4 load16_once(const void* from) { return load_aligned<Words4>(from); }
inline Words2 load8(const void* from) { return load_aligned<Words2>(from); }

inline void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Half,
                Site site = Site::current()) {
    emulator::multiply_fragments(d, a, b0, b1, false, site);
}
inline void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Bfloat,
                Site site = Site::current()) {
    emulator::multiply_fragments(d, a, b0, b1, true, site);
}
inline void load_matrices(uint32_t (&r)[4], const void* row, Site site = Site::current()) {
    emulator::load_fragments(r, row, false, site);
}
inline void load_matrices_transposed(uint32_t (&r)[4], const void* row, Site site = Site::current()) {
    emulator::load_fragments(r, row, true, site);
}

inline float exp2_fast(float x) { return std::exp2(x); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }

inline float to_float(Half v) { return engine::half_to_float(v.bits); }
inline float to_float(Bfloat v) { return engine::bfloat16_to_float(v.bits); }
inline float to_float(E4m3 v) { return engine::e4m3_to_float(v.bits); }
inline void round_to(float value, Half& out) { out.bits = engine::float_to_half(value); }
/// As cvt.rn.bf16 does: every NaN becomes 0x7fff.
inline void round_to(float value, Bfloat& out) {
    out.bits = std::isnan(value) ? uint16_t{0x7fff} : engine::float_to_bfloat16(value);
}
inline void round_to(float value, E4m3& out) { out.bits = engine::float_to_e4m3(value); }
template <class Number>
uint32_t pack(float low, float high, Number) {
    Number two[2];
    round_to(low, two[0]);
    round_to(high, two[1]);
    return two[0].bits | uint32_t{two[1].bits} << 16;
}

namespace detail {
/// Both halves of the words, each by its own. float64 holds a product of binary16 and most sums with one exactly.
template <class Work>
uint32_t each_half(uint32_t a, uint32_t b, uint32_t c, const Work& work) {
    uint32_t result = 0;
    for (uint32_t shift = 0; shift < 32; shift += 16) {
        const auto value = [&](uint32_t word) {
            return static_cast<double>(engine::half_to_float(static_cast<uint16_t>(word >> shift)));
        };
        result |= uint32_t{engine::float_to_half(static_cast<float>(work(value(a), value(b), value(c))))}
                  << shift;
    }
    return result;
}
}  // namespace detail

inline uint32_t fma_halves(uint32_t a, uint32_t b, uint32_t c) {
    return detail::each_half(a, b, c, [](double x, double y, double z) { return x * y + z; });
}
inline uint32_t subtract_halves(uint32_t a, uint32_t b) {
    return detail::each_half(a, b, 0, [](double x, double y, double) { return x - y; });
}
inline uint32_t e4m3_to_halves(uint32_t two) {
    const auto half = [&](uint32_t bits) {
        return uint32_t{engine::float_to_half(engine::e4m3_to_float(static_cast<uint8_t>(bits)))};
    };
    return half(two) | half(two >> 8) << 16;
}
inline uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
    const uint64_t both = uint64_t{b} << 32 | a;
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4; ++i)
        result |= static_cast<uint32_t>(both >> 8 * ((selector >> 4 * i) & 7) & 0xff) << 8 * i;
    return result;
}
inline uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) { return (a & b) | c; }

}  // namespace pitwall::cuda
