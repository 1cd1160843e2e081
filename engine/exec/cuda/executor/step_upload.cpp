// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/step_upload.h"

#include <algorithm>

namespace pitwall::cuda {

Status StepUpload::send(PinnedMemory& staging, Stream& stream) {
    constexpr uint64_t kLeastBytes = 1 << 20;  // of hundreds of sequences: it hardly ever grows
    const uint64_t bytes = words_.size() * sizeof(uint32_t), room = std::max(2 * bytes, kLeastBytes);
    if (!has_room())
        if (Status status = memory_.replace(room, "a step's integers"); !status.ok()) return status;
    if (bytes > staging.bytes())
        if (Status status = staging.replace(room, "a step's integers"); !status.ok()) return status;
    if (bytes > 0) std::memcpy(staging.data(), words_.data(), bytes);
    stream.copy_to_device(memory_.data(), staging.data(), bytes);
    return {};
}

}  // namespace pitwall::cuda
