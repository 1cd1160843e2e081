// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QPainter>
#include <QString>

namespace pitwall::panels {

enum class At { kLeft, kMiddle, kRight };  ///< which end of the text stands at x

/// One line of text on a baseline. Gives its width. What was said lately is not shaped again: most cells of a table and most
/// labels say the same in the next frame. The window's thread alone.
double paint_text(QPainter& painter, const QFont& font, const QColor& color, double x, double baseline,
                  const QString& text, At at = At::kLeft);

/// Its width, as paint_text() gives it.
double text_width(const QFont& font, const QString& text);

}  // namespace pitwall::panels
