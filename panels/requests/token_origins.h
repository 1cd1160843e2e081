// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the tokens of an answer came from, in words.
#pragma once

#include <QString>
#include <array>

#include "telemetry/store/store.h"

namespace pitwall::panels {

struct OriginText {
    const char* word;     ///< after a token's line; "" for plain
    const char* token;    ///< a colour of the theme
    const char* meaning;  ///< on hover
};
const OriginText& origin_text(telemetry::TokenOrigin origin);

/// "12 accepted, 3 corrected, 2 bonus, 40 plain"; empty where all are plain: nothing was drafted.
QString origins_phrase(const telemetry::RequestRow& row);

}  // namespace pitwall::panels
