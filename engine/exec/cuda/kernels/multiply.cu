// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/multiply.h"

namespace pitwall::cuda {

void multiply(Stream& stream, const MultiplyArgs& args) {
    constexpr uint32_t kFewTokens = 64;
    args.tokens <= kFewTokens ? multiply_few(stream, args) : multiply_many(stream, args);
}

}  // namespace pitwall::cuda
