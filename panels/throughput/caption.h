// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/common/format.h"

namespace pitwall::panels {

/// One piece of a caption, with its swatch before it where it names a colour.
struct CaptionPart {
    QString text;
    const char* token = "text.secondary";
    const char* swatch = nullptr;  ///< a colour token
    double swatch_opacity = 1;
    bool strong = false;  ///< the name of the strip: body size, semibold
    bool operator==(const CaptionPart&) const = default;
};

/// The line above a strip: what it is at the left, its read-out at the right. A label, not a legend.
struct Caption {
    std::vector<CaptionPart> parts;
    Quantity value;
    QString aside;  ///< in the number font, where there is no value: the name of a dashed line
};

}  // namespace pitwall::panels
