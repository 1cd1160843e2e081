// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/gpu/model/parts.h"

#include <fmt/format.h>

#include "engine/kv/kv_format.h"
#include "telemetry/base/whole_number.h"

namespace pitwall::bench {

namespace {

std::vector<std::string> pieces_of(const std::string& word) {
    std::vector<std::string> pieces(1);
    for (const char c : word) {
        if (c == ':')
            pieces.emplace_back();
        else
            pieces.back() += c;
    }
    return pieces;
}

Error not_understood(const std::string& word) {
    return {fmt::format("'{}' is no part of this benchmark", word),
            "give decode:CONTEXT:BATCH, prefill:TOKENS, convert:DTYPE:MIB, invariant or fast"};
}

}  // namespace

Result<Part> parse_part(const std::string& word) {
    const std::vector<std::string> pieces = pieces_of(word);
    const auto number = [&](size_t i) { return whole_number<uint32_t>(pieces[i]).value_or(0); };
    Part part;
    if (pieces[0] == "decode" && pieces.size() == 3 && number(1) > 0 && number(2) > 0) {
        part.kind = Part::Kind::kDecode, part.tokens = number(1), part.batch = number(2);
    } else if (pieces[0] == "prefill" && pieces.size() == 2 && number(1) > 0) {
        part.kind = Part::Kind::kPrefill, part.tokens = number(1);
    } else if (pieces[0] == "convert" && pieces.size() == 3 && number(2) > 0) {
        const auto to = engine::kv_dtype_named(pieces[1]);
        if (!to) return not_understood(word);
        part.kind = Part::Kind::kConvert, part.to = *to, part.pool_bytes = uint64_t{number(2)} << 20;
    } else if (word == "invariant") {
        part.kind = Part::Kind::kInvariant;
    } else if (word == "fast") {
        part.kind = Part::Kind::kFast;
    } else {
        return not_understood(word);
    }
    return part;
}

}  // namespace pitwall::bench
