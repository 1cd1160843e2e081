// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/check_model.h"

#include <fmt/format.h>

#include <string>

#include "engine/exec/cuda/kernels/attention.h"
#include "engine/exec/cuda/kernels/sample.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {
namespace {

/// `what`: "a vocabulary of 128256 tokens".
Status check_shared(const std::string& what, uint32_t needed) {
    if (needed <= max_shared_bytes()) return {};
    return Error{fmt::format("{} needs {} bytes of shared memory in a block, this device has {}", what,
                             needed, max_shared_bytes()),
                 "use --device cpu"};
}

}  // namespace

/// A block's shared memory holds two bits of every token where sampling is done, on the first rank with all logits, and in
/// attention a row of the rank's heads.
Status check_model(const abi::Model& model, uint32_t ranks) {
    const uint32_t group = model.num_heads / model.num_kv_heads;
    if (group > kPrefillRows)
        return Error{fmt::format("{} query heads share a KV head, a CUDA device takes {} at most", group,
                                 kPrefillRows),
                     "use --device cpu"};
    Status status = check_shared(fmt::format("sampling from a vocabulary of {} tokens", model.vocab_size),
                                 sample_shared_bytes(model.vocab_size));
    if (!status.ok()) return status;
    const uint32_t heads = model.num_heads / ranks;
    return check_shared(fmt::format("attention with {} heads of {}", heads, model.head_dim),
                        attend_shared_bytes(heads, model.head_dim));
}

}  // namespace pitwall::cuda
