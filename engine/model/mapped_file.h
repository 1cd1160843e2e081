// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "telemetry/base/result.h"

namespace pitwall::engine {

/// A regular file mapped for reading. Immutable; any thread may read.
class MappedFile {
  public:
    static Result<std::unique_ptr<MappedFile>> open(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    void release_pages() const;  ///< the pages leave this process; they are read again where touched again
    /// Hex SHA-256 of the file, read beside the mapping so that no page of it becomes resident; "" if unreadable.
    std::string sha256() const;

  private:
    MappedFile(int descriptor, const std::byte* data, size_t size)
        : descriptor_(descriptor), data_(data), size_(size) {}
    int descriptor_;
    const std::byte* data_;
    size_t size_;
};

}  // namespace pitwall::engine
