// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/step_upload.h"

namespace pitwall::cuda {

Status StepUpload::send(Stream& stream) {
    const uint64_t bytes = words_.size() * sizeof(uint32_t);
    if (bytes > memory_.bytes()) {
        auto staging = PinnedMemory::allocate(2 * bytes, "a step's integers");
        if (!staging.ok()) return staging.error();
        auto memory = DeviceMemory::allocate(2 * bytes, "a step's integers");
        if (!memory.ok()) return memory.error();
        staging_ = std::move(staging).value();
        memory_ = std::move(memory).value();
    }
    if (bytes > 0) std::memcpy(staging_.data(), words_.data(), bytes);
    stream.copy_to_device(memory_.data(), staging_.data(), bytes);
    return {};
}

}  // namespace pitwall::cuda
