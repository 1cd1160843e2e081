// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cmath>
#include <cstdint>
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
    QString aside;     ///< in the number font, where there is no value: the name of a dashed line
    uint32_t pin = 0;  ///< a change's number after `aside`, which is in words then
};

/// "4 s", "0.5 s"
inline QString seconds_text(int64_t ns) {
    const double seconds = double(ns) / 1e9;
    return format_fixed(seconds, seconds == std::floor(seconds) ? 0 : 1) + QStringLiteral(" s");
}

/// Whether a piece of a time axis is worth a point: the newest one is once half of it is over, or its fraction would
/// jump at every frame.
inline bool worth_a_point(int64_t begin_ns, int64_t end_ns, int64_t now_ns) {
    return now_ns - begin_ns >= (end_ns - begin_ns) / 2;
}

}  // namespace pitwall::panels
