// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/model/model.h"
#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Types of metadata values; the numbers are GGUF's own.
enum class GgufType : uint32_t {
    kU8,
    kI8,
    kU16,
    kI16,
    kU32,
    kI32,
    kF32,
    kBool,
    kString,
    kArray,
    kU64,
    kI64,
    kF64
};

/// An array still in its bytes, which parse() has walked: every length in it lies within the file.
struct GgufArray {
    GgufType type = GgufType::kU8;
    uint64_t count = 0;
    std::span<const std::byte> bytes;
};

using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

struct GgufTensor {
    std::string_view name;
    TensorType type = TensorType::kF32;
    uint32_t num_dims = 0;
    std::array<uint64_t, 4> dims = {1, 1, 1, 1};  ///< dims[0] is the row length, as GGUF orders them
    std::span<const std::byte> data;
};

/// The directory of a GGUF file, version 2 or 3: views into bytes that somebody else keeps alive.
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
class Gguf {
  public:
    /// `name` is how errors call the file. Every length, offset and count is checked against `file` before
    /// use, and memory grows with the bytes read, never on the file's word. Tensor data is not touched.
    static Result<Gguf> parse(std::span<const std::byte> file, std::string_view name);

    uint32_t version() const { return version_; }
    const GgufValue* find(std::string_view key) const;  ///< null where there is none
    const std::vector<GgufTensor>& tensors() const { return tensors_; }

  private:
    friend class GgufParser;
    uint32_t version_ = 0;
    std::unordered_map<std::string_view, GgufValue> values_;
    std::vector<GgufTensor> tensors_;
};

/// The elements of an array of strings. Precondition: array.type is kString.
std::vector<std::string_view> gguf_strings(const GgufArray& array);
/// The elements of an array of integers of any width, cut to 32 bits. Precondition: an integer type.
std::vector<int32_t> gguf_integers(const GgufArray& array);
bool is_integer(GgufType type);

}  // namespace pitwall::engine
