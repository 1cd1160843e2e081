// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/attention_formats.h"
#include "engine/exec/cuda/kernels/attention_kernels.h"

namespace pitwall::cuda {

void attend_k8v4(Stream& stream, const AttendArgs& args) {
    launch_attention_of<KvNumber::kInt8, KvNumber::kInt4>(stream, args);
}

}  // namespace pitwall::cuda
