// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/multiply.h"

namespace pitwall::cuda {

void multiply_many(Stream& stream, const MultiplyArgs& args) { multiply_few(stream, args); }

void multiply(Stream& stream, const MultiplyArgs& args) { multiply_few(stream, args); }

}  // namespace pitwall::cuda
