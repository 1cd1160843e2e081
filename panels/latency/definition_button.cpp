// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/latency/definition_button.h"

#include <QFontMetricsF>
#include <QMenu>
#include <QPainter>
#include <cmath>

namespace pitwall::panels {

using telemetry::Formula;
using telemetry::Metric;

namespace {
QString text_of(std::string_view text) { return QString::fromUtf8(text.data(), qsizetype(text.size())); }
}  // namespace

DefinitionButton::DefinitionButton(Theme* theme, Formula formula, QWidget* parent)
    : QAbstractButton(parent), theme_(theme), formula_(formula) {
    setObjectName(QStringLiteral("definitions"));
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    set_formula(formula);
    connect(this, &QAbstractButton::clicked, this, &DefinitionButton::open_menu);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void DefinitionButton::set_formula(Formula formula) {
    formula_ = formula;
    setText(QStringLiteral("%1 definitions").arg(text_of(telemetry::name(formula))));
    setToolTip(QStringLiteral("TTFT: %1<br>TPOT: %2")
                   .arg(text_of(telemetry::definition(Metric::kTtft, formula)).toHtmlEscaped(),
                        text_of(telemetry::definition(Metric::kTpot, formula)).toHtmlEscaped()));
    updateGeometry();
    update();
}

void DefinitionButton::open_menu() {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setToolTipsVisible(true);
    for (const Formula formula : {Formula::kVllm, Formula::kAiperf, Formula::kGuidellm, Formula::kLlmperf}) {
        QAction* action = menu->addAction(text_of(telemetry::name(formula)), this, [this, formula] {
            set_formula(formula);
            emit chosen(formula);
        });
        action->setToolTip(QStringLiteral("TPOT: ") + text_of(telemetry::definition(Metric::kTpot, formula)));
        action->setCheckable(true);
        action->setChecked(formula == formula_);
    }
    menu->popup(mapToGlobal(QPoint(0, height() + 2)));
}

QSize DefinitionButton::sizeHint() const {
    const QFontMetricsF metrics(theme_->words("small", 500));
    return {int(std::ceil(metrics.horizontalAdvance(text()))) + theme_->scaled(16), theme_->scaled(20)};
}

void DefinitionButton::enterEvent(QEnterEvent*) { update(); }
void DefinitionButton::leaveEvent(QEvent*) { update(); }

void DefinitionButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(hasFocus() ? QPen(theme_->color("signal.focus"), 2) : QPen(Qt::NoPen));
    painter.setBrush(theme_->color(underMouse() ? "line.border" : "bg.hover"));
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 3, 3);
    painter.setFont(theme_->words("small", 500));
    painter.setPen(theme_->color("text.primary"));
    painter.drawText(rect(), Qt::AlignCenter, text());
}

}  // namespace pitwall::panels
