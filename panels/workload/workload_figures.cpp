// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/workload/workload_panel.h"

namespace pitwall::panels {

namespace {
constexpr int kRow = 20, kCaption = 20, kLeastStrip = 14, kMostStrip = 60;
}

WorkloadFigures::WorkloadFigures(Theme* theme, const WorkloadPresenter& presenter, QWidget* parent)
    : QWidget(parent), theme_(theme), presenter_(presenter) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setMinimumHeight(theme->scaled(kRow));
}

QSize WorkloadFigures::sizeHint() const {
    return {theme_->scaled(200), theme_->scaled(4 * kRow + kCaption + kLeastStrip)};
}

void WorkloadFigures::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const double inset = theme_->scaled(12), row_height = theme_->scaled(kRow);
    double top = 0;
    for (const WorkloadPresenter::Row& row : presenter_.rows()) {
        if (top + row_height > height()) return;
        const double baseline = top + theme_->scaled(14);
        painter.setFont(theme_->words("small"));
        painter.setPen(theme_->color("text.secondary"));
        painter.drawText(QPointF(inset, baseline), row.name);
        paint_quantity(painter, *theme_, width() - inset, baseline, row.value, Side::kRight);
        top += row_height;
    }
    if (height() - top >= theme_->scaled(kCaption + kLeastStrip)) draw_strip(painter, top);
}

void WorkloadFigures::draw_strip(QPainter& painter, double top) const {
    const double inset = theme_->scaled(12), right = width() - inset, base = height() - 2;
    const double room = std::min<double>(base - top - theme_->scaled(kCaption), theme_->scaled(kMostStrip));
    const double baseline = base - room - theme_->scaled(6);
    const uint64_t most = presenter_.most_arrivals();
    const bool refused = !presenter_.notice().isEmpty();
    painter.setFont(theme_->words("small"));
    painter.setPen(theme_->color(refused ? "signal.bad" : "text.secondary"));
    const QFontMetricsF metrics(painter.font());
    painter.drawText(QPointF(inset, baseline),
                     metrics.elidedText(refused ? presenter_.notice() : presenter_.strip_caption(),
                                        Qt::ElideRight, right - inset));
    if (!refused) {
        const QString text = QStringLiteral("max %1").arg(most);
        painter.setFont(theme_->numbers("small"));
        painter.drawText(QPointF(right - QFontMetricsF(painter.font()).horizontalAdvance(text), baseline),
                         text);
    }
    const std::vector<uint64_t>& arrivals = presenter_.arrivals();
    const double step = (right - inset) / double(std::max<size_t>(1, arrivals.size()));
    for (size_t i = 0; i < arrivals.size() && most > 0; ++i) {
        const int left = qRound(inset + double(i) * step), end = qRound(inset + double(i + 1) * step) - 1;
        const int bar = arrivals[i] ? std::max(1, qRound(room * double(arrivals[i]) / double(most))) : 0;
        painter.fillRect(QRect(left, int(base) - bar, std::max(1, end - left), bar),
                         theme_->color("text.disabled"));
    }
    painter.fillRect(QRectF(inset, base, right - inset, 1), theme_->color("line.axis"));
}

}  // namespace pitwall::panels
