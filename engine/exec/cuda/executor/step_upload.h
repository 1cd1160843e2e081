// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// The integers of a step, gathered on the host and brought to the device in one copy. They lie at the same address in every
/// step: work is in order, so those of the step before have been read by then.
class StepUpload {
  public:
    /// A place in the upload; it becomes an address once all is sent.
    struct Place {
        uint32_t first_word = 0;
    };

    void clear() { words_.clear(); }
    template <class T>
    Place put(std::span<const T> values) {
        static_assert(sizeof(T) % sizeof(uint32_t) == 0 && std::is_trivially_copyable_v<T>);
        constexpr uint32_t kAlignment = 4;  // words
        words_.resize((words_.size() + kAlignment - 1) / kAlignment * kAlignment);
        const auto first = static_cast<uint32_t>(words_.size());
        words_.resize(first + values.size_bytes() / sizeof(uint32_t));
        if (!values.empty()) std::memcpy(words_.data() + first, values.data(), values.size_bytes());
        return {first};
    }
    template <class T>
    Place put(const std::vector<T>& values) {
        return put(std::span<const T>(values));
    }
    /// Whether all that was put has room; where not, nothing may be in flight when it is sent, and addresses change.
    bool has_room() const { return words_.size() * sizeof(uint32_t) <= memory_.bytes(); }
    /// By way of `staging`, which stays untouched until the copy is done, and grows as it has to.
    Status send(PinnedMemory& staging, Stream& stream);
    template <class T>
    const T* at(Place place) const {
        return reinterpret_cast<const T*>(memory_.as<uint32_t>() + place.first_word);
    }

  private:
    std::vector<uint32_t> words_;
    DeviceMemory memory_;
};

}  // namespace pitwall::cuda
