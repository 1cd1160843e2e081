// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrix products by a vendor's library, which takes the kernels and orders of summation that it finds fastest for each shape: its
// sums depend on how many rows there are. matrix_library_cuda.cpp finds cuBLASLt when it is first wanted;
// matrix_library_host.cpp stands in for it where kernels are emulated. A program links one of the two, and needs neither
// library nor driver to start.
#pragma once

#include <string>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// out[t, r] = sum over k of x[t, k] weights[r, k], or that much more than before where `add`: 16-bit numbers, float32 sums.
/// Addresses are multiples of 16 bytes. All is in device memory.
struct LibraryProduct {
    bool bfloats;             ///< bfloat16; else binary16
    const uint16_t* weights;  ///< [rows, ld_weights]
    const uint16_t* x;        ///< [tokens, ld_x]
    float* out;               ///< [tokens, ld_out]
    uint32_t rows, tokens, columns;
    uint32_t ld_weights, ld_x, ld_out;
    bool add;
    std::byte* workspace;  ///< [kWorkspaceBytes] at a multiple of 256, which products of one stream may share
};

void release_matrix_library(void* library);

/// PITWALL_CUBLASLT=off.
inline Error matrix_library_is_off() { return {"turned off by PITWALL_CUBLASLT=off in the environment", ""}; }

class MatrixLibrary : public Handle<release_matrix_library> {
  public:
    /// Enough for every kernel that cuBLASLt has for a GPU of compute capability 9.0, says its manual.
    static constexpr uint64_t kWorkspaceBytes = 32 << 20;
    /// Shapes whose kernels are known, before all are forgotten. A model has some five for each number of tokens; of these a
    /// step that prefills has any up to 1,024.
    static constexpr size_t kMostPlans = 1024;

    /// The error says where it was looked for. PITWALL_CUBLASLT=FILE: there alone; =off: nowhere.
    static Result<MatrixLibrary> open();
    /// "cuBLASLt 13.0.2"
    std::string name() const;
    /// Asynchronous as everything is, and kept for the graph where the stream is being captured. The first product of a shape
    /// chooses a kernel, and may load it: not while capturing.
    Status multiply(Stream& stream, const LibraryProduct& product);
};

}  // namespace pitwall::cuda
