// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/event.h"

namespace pitwall::bench {

/// One word of the command line: what is measured, or how from there on.
struct Part {
    enum class Kind : uint8_t { kDecode, kPrefill, kConvert, kInvariant, kFast };
    Kind kind = Kind::kDecode;
    uint32_t tokens = 0;  ///< in the cache before a decode; of a prompt
    uint32_t batch = 1;   ///< sequences that decode together
    telemetry::KvDtype to = telemetry::KvDtype::kInt8;
    uint64_t pool_bytes = 0;  ///< that a conversion begins with
};

/// "decode:CONTEXT:BATCH", "prefill:TOKENS", "convert:DTYPE:MIB", "invariant", "fast".
Result<Part> parse_part(const std::string& word);

}  // namespace pitwall::bench
