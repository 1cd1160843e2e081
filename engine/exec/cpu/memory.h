// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "telemetry/base/result.h"

namespace pitwall::engine::cpu {

/// Zeroed pages straight from the system: nothing is resident before it is touched, all of it goes back at the end.
class PageBuffer {
  public:
    PageBuffer() = default;
    ~PageBuffer();
    PageBuffer(PageBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    PageBuffer& operator=(PageBuffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }

    /// `what` names the buffer in the error. Large buffers ask for huge pages, of which whole ones become resident.
    static Result<PageBuffer> allocate(size_t bytes, const char* what);
    /// Address space alone; nothing may be touched before commit(). Of huge pages as well.
    static Result<PageBuffer> reserve(size_t bytes, const char* what);
    Status commit(size_t offset, size_t bytes);  ///< makes the range usable; what it held is kept
    /// Gives the pages back; they read as zero when committed again.
    void decommit(size_t offset, size_t bytes);

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    size_t bytes() const { return bytes_; }

  private:
    std::byte* data_ = nullptr;
    size_t bytes_ = 0;
};

}  // namespace pitwall::engine::cpu
