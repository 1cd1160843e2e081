// SPDX-License-Identifier: GPL-3.0-or-later
//
// simt.h for nvcc: one function, one instruction.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "engine/exec/cuda/simt/numbers.h"

#define PITWALL_KERNEL __global__ void
#define PITWALL_DEVICE __device__ __forceinline__
/// Most threads of a block, and how many blocks a multiprocessor should hold: bounds the registers.
#define PITWALL_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)

namespace pitwall::cuda {

/// PTX ISA, griddepcontrol; without the launch attribute both do nothing.
PITWALL_DEVICE void begin_kernel() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

PITWALL_DEVICE uint32_t thread() { return threadIdx.x; }
PITWALL_DEVICE uint32_t threads() { return blockDim.x; }
PITWALL_DEVICE uint32_t block_x() { return blockIdx.x; }
PITWALL_DEVICE uint32_t block_y() { return blockIdx.y; }
PITWALL_DEVICE uint32_t block_z() { return blockIdx.z; }
PITWALL_DEVICE uint32_t blocks_x() { return gridDim.x; }

PITWALL_DEVICE void sync_block() { __syncthreads(); }
PITWALL_DEVICE void sync_warp() { __syncwarp(); }

template <class T>
PITWALL_DEVICE T shuffle(T value, uint32_t from_lane) {
    return __shfl_sync(0xffffffffu, value, static_cast<int>(from_lane));
}
template <class T>
PITWALL_DEVICE T shuffle_xor(T value, uint32_t mask) {
    return __shfl_xor_sync(0xffffffffu, value, static_cast<int>(mask));
}
PITWALL_DEVICE uint32_t ballot(bool predicate) { return __ballot_sync(0xffffffffu, predicate); }

PITWALL_DEVICE uint32_t add_atomically(uint32_t* shared, uint32_t value) { return atomicAdd(shared, value); }
PITWALL_DEVICE void or_atomically(uint32_t* shared, uint32_t bits) { atomicOr(shared, bits); }

class SharedMemory {
  public:
    template <class T>
    PITWALL_DEVICE T* take(uint32_t count) {
        extern __shared__ __align__(16) unsigned char pitwall_shared[];
        T* const start = reinterpret_cast<T*>(pitwall_shared + used_);
        used_ += (count * static_cast<uint32_t>(sizeof(T)) + 15) & ~15u;
        return start;
    }

  private:
    uint32_t used_ = 0;
};

PITWALL_DEVICE void copy_async(void* shared, const void* global, bool valid = true) {
    const auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid ? 16 : 0)
                 : "memory");
}
PITWALL_DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
PITWALL_DEVICE void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

PITWALL_DEVICE Words4 load16(const void* from) {
    const uint4 v = __ldg(static_cast<const uint4*>(from));
    return {v.x, v.y, v.z, v.w};
}
PITWALL_DEVICE Words4 load16_once(const void* from) {
    Words4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(from));
    return v;
}
PITWALL_DEVICE Words2 load8(const void* from) {
    const uint2 v = __ldg(static_cast<const uint2*>(from));
    return {v.x, v.y};
}

PITWALL_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Half) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, "
        "%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
PITWALL_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Bfloat) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, "
        "%2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

PITWALL_DEVICE void load_matrices(uint32_t (&r)[4], const void* row) {
    const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}
PITWALL_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
    const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}

PITWALL_DEVICE float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Numbers. pack(): the first in the lower half.
PITWALL_DEVICE float to_float(Half v) { return __half2float(__ushort_as_half(v.bits)); }
PITWALL_DEVICE float to_float(Bfloat v) { return __bfloat162float(__ushort_as_bfloat16(v.bits)); }
PITWALL_DEVICE float to_float(E4m3 v) {
    return __half2float(__half(__nv_cvt_fp8_to_halfraw(v.bits, __NV_E4M3)));
}
PITWALL_DEVICE void round_to(float value, Half& out) { out.bits = __half_as_ushort(__float2half_rn(value)); }
PITWALL_DEVICE void round_to(float value, Bfloat& out) {
    out.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
PITWALL_DEVICE void round_to(float value, E4m3& out) {
    out.bits = __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3);
}
PITWALL_DEVICE uint32_t pack(float low, float high, Half) {
    const __half2 v = __floats2half2_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&v);
}
PITWALL_DEVICE uint32_t pack(float low, float high, Bfloat) {
    const __nv_bfloat162 v = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&v);
}
/// a b + c of two binary16 each, rounded once.
PITWALL_DEVICE uint32_t fma_halves(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t d;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
PITWALL_DEVICE uint32_t subtract_halves(uint32_t a, uint32_t b) {
    uint32_t d;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    return d;
}
/// Byte i of the result is byte (selector >> 4 i) & 7 of b:a (a the lower four).
PITWALL_DEVICE uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
    return __byte_perm(a, b, selector);
}
/// Of all bits (a & b) | c.
PITWALL_DEVICE uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t d;
    asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
PITWALL_DEVICE uint32_t e4m3_to_halves_by_shifts(uint32_t two);  // simt.h
/// Two E4M3 in the lower 16 bits to two binary16, exact; none is NaN.
PITWALL_DEVICE uint32_t e4m3_to_halves(uint32_t two) {
#if __CUDA_ARCH__ >= 890
    const __half2_raw v = __nv_cvt_fp8x2_to_halfraw2(static_cast<__nv_fp8x2_storage_t>(two), __NV_E4M3);
    return uint32_t{v.x} | uint32_t{v.y} << 16;
#else
    return e4m3_to_halves_by_shifts(two);
#endif
}

}  // namespace pitwall::cuda
