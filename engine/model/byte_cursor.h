// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace pitwall::engine {

static_assert(std::endian::native == std::endian::little, "GGUF is read as little-endian memory");

/// Reads forward through bytes and never past their end: a read that does not fit gives zero and sets
/// failed(), which stays. So a parser checks once where it matters and not after every field.
class ByteCursor {
  public:
    explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

    bool failed() const { return failed_; }
    size_t position() const { return position_; }
    size_t remaining() const { return failed_ ? 0 : bytes_.size() - position_; }

    template <class T>
    T read() {
        T value{};
        const std::span<const std::byte> from = take(sizeof(T));
        if (!from.empty()) std::memcpy(&value, from.data(), sizeof(T));
        return value;
    }

    std::span<const std::byte> take(uint64_t count) {
        if (count > remaining()) {
            failed_ = true;
            return {};
        }
        const auto part = bytes_.subspan(position_, static_cast<size_t>(count));
        position_ += static_cast<size_t>(count);
        return part;
    }

    /// What was read since `begin`, an earlier position().
    std::span<const std::byte> slice_from(size_t begin) const {
        return bytes_.subspan(begin, position_ - begin);
    }

    /// A GGUF string: its length as 64 bits, then its bytes.
    std::string_view read_string() {
        const std::span<const std::byte> text = take(read<uint64_t>());
        return {reinterpret_cast<const char*>(text.data()), text.size()};
    }

  private:
    std::span<const std::byte> bytes_;
    size_t position_ = 0;
    bool failed_ = false;
};

}  // namespace pitwall::engine
