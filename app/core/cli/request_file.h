// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/request.h"
#include "engine/tokenizer/tokenizer.h"

namespace pitwall::app {

struct FileRequest {
    std::string id;
    engine::GenerationRequest request;  ///< its arrival_ns from the session's start
};

/// A request file: one JSON object a line, empty lines passed over. The whole of it is checked before anything comes
/// out; an Error names line and field. `vocab_size` bounds the ids.
Result<std::vector<FileRequest>> parse_requests(std::string_view text, std::string_view origin,
                                                const engine::Tokenizer& tokenizer, uint32_t vocab_size);

}  // namespace pitwall::app
