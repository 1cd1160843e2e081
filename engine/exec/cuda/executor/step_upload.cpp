// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/step_upload.h"

#include <algorithm>

namespace pitwall::cuda {

Status StepUpload::send(PinnedMemory& staging, Stream& stream) {
    constexpr uint64_t kLeastBytes = 1 << 20;  // of hundreds of sequences: it hardly ever grows
    const uint64_t bytes = words_.size() * sizeof(uint32_t), room = std::max(2 * bytes, kLeastBytes);
    if (!has_room()) {
        auto memory = DeviceMemory::allocate(room, "a step's integers");
        if (!memory.ok()) return memory.error();
        memory_ = std::move(memory).value();
    }
    if (bytes > staging.bytes()) {
        auto larger = PinnedMemory::allocate(room, "a step's integers");
        if (!larger.ok()) return larger.error();
        staging = std::move(larger).value();
    }
    if (bytes > 0) std::memcpy(staging.data(), words_.data(), bytes);
    stream.copy_to_device(memory_.data(), staging.data(), bytes);
    return {};
}

}  // namespace pitwall::cuda
