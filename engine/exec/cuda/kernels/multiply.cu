// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/multiply.h"

namespace pitwall::cuda {

void multiply(Stream& stream, const MultiplyArgs& args) {
    constexpr uint32_t kSurelyFew = 16;
    const bool few = args.tokens <= kSurelyFew ||
                     few_clocks(args.matrix, args.tokens) <= many_clocks(args.matrix, args.tokens);
    few ? multiply_few(stream, args) : multiply_many(stream, args);
}

}  // namespace pitwall::cuda
