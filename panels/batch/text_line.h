// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFontMetricsF>
#include <QPainter>
#include <QString>

#include "panels/common/theme.h"

namespace pitwall::panels {

enum class At { kLeft, kMiddle, kRight };  ///< which end of the text stands at x

/// One line of text on a baseline. Gives its width.
inline double paint_text(QPainter& painter, const QFont& font, const QColor& color, double x, double baseline,
                         const QString& text, At at = At::kLeft) {
    const double width = QFontMetricsF(font).horizontalAdvance(text);
    painter.setFont(font);
    painter.setPen(color);
    painter.drawText(QPointF(x - (at == At::kRight    ? width
                                  : at == At::kMiddle ? width / 2
                                                      : 0),
                             baseline),
                     text);
    return width;
}

}  // namespace pitwall::panels
