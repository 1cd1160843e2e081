// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::telemetry {

/// What a store lets go of a request that ended long ago (RequestRow::folded), as its recording has it.
struct RecordedRequest {
    std::string prompt;  ///< "" with record_text=off
    std::vector<RequestRow::Token> tokens;
};

}  // namespace pitwall::telemetry
