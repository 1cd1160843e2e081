// SPDX-License-Identifier: GPL-3.0-or-later
//
// The decode and prefill kernels of each KV format, a source file each, and the merge.
#pragma once

#include "engine/exec/cuda/kernels/attention.h"

namespace pitwall::cuda {

void attend_f16(Stream& stream, const AttendArgs& args);
void attend_bf16(Stream& stream, const AttendArgs& args);
void attend_fp8(Stream& stream, const AttendArgs& args);
void attend_int8(Stream& stream, const AttendArgs& args);
void attend_k8v4(Stream& stream, const AttendArgs& args);
void attend_int4(Stream& stream, const AttendArgs& args);
void merge_parts(Stream& stream, const AttendArgs& args);

}  // namespace pitwall::cuda
