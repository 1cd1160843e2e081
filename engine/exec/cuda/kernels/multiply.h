// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two that multiply() chooses from. Each by itself takes any number of tokens and gives the same bits; which is faster is a
// matter of their number.
#pragma once

#include "engine/exec/cuda/kernels/matrix.h"

namespace pitwall::cuda {

void multiply_few(Stream& stream, const MultiplyArgs& args);
void multiply_many(Stream& stream, const MultiplyArgs& args);

}  // namespace pitwall::cuda
