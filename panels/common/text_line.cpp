// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/text_line.h"

#include <QCache>
#include <QCoreApplication>
#include <QFontMetricsF>
#include <QStaticText>
#include <QTextLayout>

namespace pitwall::panels {

namespace {

constexpr qsizetype kKnownLines = 2000;  ///< several windows full of words

struct Line {
    QStaticText text;
    double width, ascent;
};

using Key = std::pair<QFont, QString>;

QCache<Key, Line>& known_lines() {
    static QCache<Key, Line> lines(kKnownLines);
    // Fonts do not outlive the application.
    [[maybe_unused]] static const bool once = (qAddPostRoutine([] { known_lines().clear(); }), true);
    return lines;
}

/// As QStaticText lays it out: a glyph from another font may stand higher than all of this one's.
double ascent_of(const QFont& font, const QString& text) {
    QTextLayout layout(text, font);
    layout.beginLayout();
    const QTextLine line = layout.createLine();
    layout.endLayout();
    return line.isValid() ? line.ascent() : QFontMetricsF(font).ascent();
}

Line& line_of(const QFont& font, const QString& text) {
    const Key key(font, text);
    if (Line* known = known_lines().object(key)) return *known;
    auto* line =
        new Line{QStaticText(text), QFontMetricsF(font).horizontalAdvance(text), ascent_of(font, text)};
    line->text.setTextFormat(Qt::PlainText);
    known_lines().insert(key, line);
    return *line;
}

double share_left_of(At at) { return at == At::kRight ? 1 : at == At::kMiddle ? .5 : 0; }

}  // namespace

double paint_text(QPainter& painter, const QFont& font, const QColor& color, double x, double baseline,
                  const QString& text, At at) {
    const Line& line = line_of(font, text);
    painter.setFont(font);
    painter.setPen(color);
    painter.drawStaticText(QPointF(x - line.width * share_left_of(at), baseline - line.ascent), line.text);
    return line.width;
}

double text_width(const QFont& font, const QString& text) { return line_of(font, text).width; }

}  // namespace pitwall::panels
