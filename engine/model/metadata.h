// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/gguf.h"

namespace pitwall::engine {

/// Typed reading of a GGUF file's metadata. The first thing that is wrong is kept in error(), and what is
/// read after it is only a default: so callers read everything they need and check once.
class Metadata {
  public:
    Metadata(const Gguf& file, std::string_view name);

    const std::optional<Error>& error() const { return error_; }
    void fail(std::string_view what, std::string_view hint);
    bool has(std::string_view key) const { return file_.find(key) != nullptr; }

    /// A whole number from `low` to `high`; an error where it is missing, something else or out of range.
    uint64_t required_integer(std::string_view key, uint64_t low, uint64_t high);
    std::optional<uint64_t> integer(std::string_view key, uint64_t low = 0,
                                    uint64_t high = std::numeric_limits<uint64_t>::max());
    /// Written so that NaN is out of every range.
    std::optional<double> number(std::string_view key, double low, double high);
    bool flag(std::string_view key, bool otherwise);
    std::string text(std::string_view key);  ///< "" where there is none
    std::vector<std::string> texts(std::string_view key, uint64_t most);
    std::vector<int32_t> integers(std::string_view key, uint64_t most);

  private:
    const GgufArray* array(std::string_view key, uint64_t most);
    const Gguf& file_;
    std::string name_;
    std::optional<Error> error_;
};

}  // namespace pitwall::engine
