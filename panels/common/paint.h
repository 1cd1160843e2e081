// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few marks that several panels paint alike: pins, verdict shapes, a number with its unit, swatches,
// hover cards.
#pragma once

#include <QPainter>
#include <QString>
#include <vector>

#include "panels/common/format.h"
#include "panels/common/theme.h"

namespace pitwall::panels {

enum class Verdict {
    kOk,
    kWarn,
    kBad
};  ///< check, triangle, cross: the shape says it, the colour repeats it

/// The numbered violet pin of a knob change. `radius` 7 or 6.5 at scale 1.
void paint_pin(QPainter& painter, const Theme& theme, QPointF centre, uint32_t number, double radius = 7);

/// About 9 x 9 px at scale 1, centred.
void paint_verdict(QPainter& painter, const Theme& theme, QPointF centre, Verdict verdict);

/// An 8 px square with round corners, left edge and vertical centre given.
void paint_swatch(QPainter& painter, const Theme& theme, double left, double middle, const QColor& color,
                  bool edged = false);

/// Number in the number font, unit in words, on a baseline. Gives the width; with kRight `x` is the right
/// end.
enum class Side { kLeft, kRight };
double paint_quantity(QPainter& painter, const Theme& theme, double x, double baseline,
                      const Quantity& quantity, Side side = Side::kLeft, const char* size = "body",
                      int weight = 500, const char* number_token = "text.primary");

/// A hover card (look.md, section 4): what it is, at most two lines of values, and a grey last line. It is
/// placed beside `thing` and inside `bounds`, never over the thing it explains. `aside` stands at the right
/// of the first line.
struct HoverCard {
    QString title, aside;
    std::vector<QString> lines;
    QColor swatch;  ///< before the first of `lines`, where it is valid
};
void paint_card(QPainter& painter, const Theme& theme, const QRectF& bounds, const QRectF& thing,
                const HoverCard& card);

/// The place of a card of that size: right below, else above, else at a side, always inside `bounds`.
QRectF card_place(const QRectF& bounds, const QRectF& thing, QSizeF size, double gap);

/// 45 degree hatch of SLO misses.
QBrush hatch(const Theme& theme, const QColor& color);

}  // namespace pitwall::panels
