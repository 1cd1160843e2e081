// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/attention.h"

#include "engine/exec/cuda/kernels/attention_formats.h"

namespace pitwall::cuda {
namespace {

using engine::KvNumber;

bool is_pair(const engine::KvHeadLayout& layout, KvNumber k, KvNumber v) {
    return layout.k.number == k && layout.v.number == v;
}

/// Runs that are rotated are whole heads.
bool rotation_fits(const engine::KvHeadLayout& layout) {
    const auto fits = [&](uint32_t side) { return side == 0 || side == layout.head_dim; };
    return fits(layout.k.rotation) && fits(layout.v.rotation);
}

using Attend = void (*)(Stream&, const AttendArgs&);

/// Null where there are no kernels for it.
Attend attend_for(const engine::KvHeadLayout& layout) {
    if (is_pair(layout, KvNumber::kF16, KvNumber::kF16)) return attend_f16;
    if (is_pair(layout, KvNumber::kBf16, KvNumber::kBf16)) return attend_bf16;
    if (is_pair(layout, KvNumber::kFp8, KvNumber::kFp8)) return attend_fp8;
    if (is_pair(layout, KvNumber::kInt8, KvNumber::kInt8)) return attend_int8;
    if (is_pair(layout, KvNumber::kInt8, KvNumber::kInt4)) return attend_k8v4;
    if (is_pair(layout, KvNumber::kInt4, KvNumber::kInt4)) return attend_int4;
    return nullptr;
}

}  // namespace

bool attention_supports(const engine::KvHeadLayout& layout) {
    const uint32_t dim = layout.head_dim;
    return (dim == 32 || dim == 64 || dim == 128) && rotation_fits(layout) && attend_for(layout) != nullptr;
}

void attend(Stream& stream, const AttendArgs& args) {
    if (args.tokens == 0) return;
    attend_for(args.pool.layout)(stream, args);
    merge_parts(stream, args);
}

}  // namespace pitwall::cuda
