// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "engine/exec/cuda/executor/device_model.h"
#include "engine/exec/cuda/kernels/matrix.h"
#include "engine/exec/cuda/runtime/matrix_library.h"

namespace pitwall::cuda {

/// Products of many tokens by a library, whose bits depend on how many tokens there are: what batch_invariant=false buys. It takes
/// matrices row by row: those of 16-bit numbers are kept a second time so, where the device has room for all of them; others, and
/// those of codes, become such for each product. Where there is no library it takes nothing.
class FastProducts {
  public:
    // From so many tokens on. Estimates until a GPU has measured them (bench_gpu products): below them our own kernels read fewer
    // bytes.
    static constexpr uint32_t kLeastTokens = 128;          ///< for a matrix that is there row by row
    static constexpr uint32_t kLeastTokensUnpacked = 256;  ///< for one that has to be unpacked first

    /// For the layers of a model, in steps of up to so many tokens.
    static Result<FastProducts> create(const DeviceModel& model, uint32_t most_tokens, Stream& stream);

    bool takes(const DeviceMatrix& matrix, uint32_t tokens) const;
    /// As cuda::multiply(), of what it takes.
    void multiply(Stream& stream, const MultiplyArgs& args);
    /// The first failure since it was last asked: of steps since then nothing counts.
    Status take_failure() { return std::exchange(failure_, {}); }

    uint64_t scratch_bytes() const { return weights_.bytes() + sums_.bytes() + workspace_.bytes(); }
    uint64_t copied_bytes() const { return copied_bytes_; }

  private:
    Status allocate(const DeviceModel& model, uint32_t most_tokens);
    Status copy_weights(const DeviceModel& model, Stream& stream);
    const uint16_t* row_major(const DeviceMatrix& matrix, Stream& stream);

    std::optional<MatrixLibrary> library_;
    std::map<const std::byte*, DeviceMemory> copies_;  ///< by where the values are in tiles
    uint64_t copied_bytes_ = 0;
    DeviceMemory weights_, sums_, workspace_;  ///< of the product at work
    Status failure_;
};

}  // namespace pitwall::cuda
