// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/toolbar.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QPainter>
#include <QPainterPath>
#include <QPushButton>
#include <QToolTip>
#include <algorithm>
#include <utility>

#include "panels/common/paint.h"

namespace pitwall::app {

using panels::RangeModel;

namespace {

QString dotless_word(SourceState::Kind kind) {
    switch (kind) {
        case SourceState::Kind::kNone:
            return QStringLiteral("No session");
        case SourceState::Kind::kLoading:
            return QStringLiteral("Opening");
        case SourceState::Kind::kLive:
            return QStringLiteral("Live");
        case SourceState::Kind::kSimulated:
            return QStringLiteral("Simulated");
        case SourceState::Kind::kReplay:
            return QStringLiteral("Replay");
        case SourceState::Kind::kEnded:
            return QStringLiteral("Ended");
        case SourceState::Kind::kFailed:
            return QStringLiteral("Failed");
    }
    return {};
}

/// A button with a menu. Not QPushButton::setMenu(), which drops the style sheet's padding.
class RangeButton : public QPushButton {
  public:
    RangeButton(panels::Theme* theme, QWidget* parent) : QPushButton(parent), theme_(theme) {
        connect(this, &QPushButton::clicked, this,
                [this] { menu_->popup(mapToGlobal(QPoint(0, height() + 2))); });
    }
    QMenu* choices() const { return menu_; }

  protected:
    void paintEvent(QPaintEvent* event) override {
        QPushButton::paintEvent(event);
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        const double arm = 3 * theme_->scale(), x = width() - theme_->px("m") - 2 * arm,
                     y = (height() - arm) / 2;
        QPainterPath arrow;
        arrow.moveTo(x, y), arrow.lineTo(x + arm, y + arm), arrow.lineTo(x + 2 * arm, y);
        painter.strokePath(arrow, QPen(theme_->color("text.secondary"), 1.5));
    }

  private:
    panels::Theme* theme_;
    QMenu* menu_ = new QMenu(this);
};

}  // namespace

Toolbar::Toolbar(panels::Theme* theme, RangeModel* range, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      range_(range),
      menus_(new QMenuBar(this)),
      range_button_(new RangeButton(theme, this)),
      find_(new QPushButton(this)),
      find_key_(new QLabel(QStringLiteral("Ctrl K"), find_)) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    menus_->setNativeMenuBar(false);
    menus_->installEventFilter(this);
    QMenu* menu = static_cast<RangeButton*>(range_button_)->choices();
    for (const auto& [mode, text] : {std::pair{RangeModel::Mode::kLast10s, "Last 10 s"},
                                     {RangeModel::Mode::kLast60s, "Last 60 s"},
                                     {RangeModel::Mode::kLast120s, "Last 120 s"},
                                     {RangeModel::Mode::kSinceChange, "Since the last change"},
                                     {RangeModel::Mode::kSession, "Whole session"}})
        menu->addAction(QLatin1String(text), this, [this, m = mode] { range_->set_mode(m); });
    range_button_->setToolTip(QStringLiteral(
        "The range that every statistic is taken over; drag on the session strip for another"));
    range_button_->setAccessibleName(QStringLiteral("Range"));
    find_->setText(QStringLiteral("Find anything"));
    find_->setToolTip(QStringLiteral("Commands, panels and knobs by name (Ctrl K)"));
    for (QPushButton* button : {range_button_, find_}) button->setFocusPolicy(Qt::TabFocus);
    connect(find_, &QPushButton::clicked, this, &Toolbar::find_wanted);
    connect(range_, &RangeModel::changed, this, &Toolbar::show_range);
    connect(theme_, &panels::Theme::changed, this, &Toolbar::restyle);
    restyle();
    show_range();
}

bool Toolbar::loud() const { return state_.paused || state_.kind == SourceState::Kind::kReplay; }

QColor Toolbar::surface() const {
    if (state_.kind == SourceState::Kind::kReplay) return theme_->color("signal.accent_fill");
    return theme_->color(state_.paused ? "text.primary" : "bg.window");
}

QColor Toolbar::ink() const {
    if (state_.kind == SourceState::Kind::kReplay) return theme_->color("signal.on_accent");
    return theme_->color(state_.paused ? "text.inverse" : "text.primary");
}

void Toolbar::set_state(const SourceState& state) {
    if (state == state_) return;
    const QColor before = surface();
    state_ = state;
    if (surface() != before)
        restyle();
    else
        place_children();
    update();
}

void Toolbar::show_range() {
    QString text = range_->label();
    text[0] = text[0].toUpper();
    range_button_->setText(text);
    place_children();
}

void Toolbar::restyle() {
    const QString text = loud() ? ink().name() : theme_->color("text.secondary").name();
    menus_->setStyleSheet(
        QStringLiteral(
            "QMenuBar { background: transparent; } "
            "QMenuBar::item { color: %1; background: transparent; padding: %2px %3px; border-radius: %4px; }"
            "QMenuBar::item:selected, QMenuBar::item:pressed { background: %5; color: %6; }")
            .arg(text, QString::number(theme_->scaled(4)), QString::number(theme_->scaled(10)),
                 QString::number(theme_->px("radius")), theme_->color("bg.hover").name(),
                 theme_->color("text.primary").name()));
    menus_->setFont(theme_->words("body"));
    const QString sheet = QStringLiteral(
        "QPushButton { background: %1; border: none; color: %2; padding: 0 %3px; text-align: left; }"
        "QPushButton:hover { background: %4; } QPushButton:focus { border: 2px solid %5; padding: 0 %6px; }"
        "QPushButton::menu-indicator { image: none; width: 0; }");
    const auto dress = [&](QPushButton* button, const char* token) {
        button->setFont(theme_->words("body"));
        button->setStyleSheet(sheet.arg(theme_->color("bg.panel").name(), theme_->color(token).name(),
                                        QString::number(theme_->px("m")), theme_->color("bg.hover").name(),
                                        theme_->color("signal.focus").name(),
                                        QString::number(theme_->px("m") - 2)));
    };
    dress(range_button_, "text.primary");
    dress(find_, "text.disabled");
    find_key_->setFont(theme_->numbers("small"));
    find_key_->setStyleSheet(QStringLiteral("color: %1;").arg(theme_->color("text.secondary").name()));
    find_key_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    find_key_->setAttribute(Qt::WA_TransparentForMouseEvents);
    updateGeometry();
    place_children();
    update();
}

QSize Toolbar::sizeHint() const { return {800, theme_->px("toolbar")}; }

void Toolbar::place_children() {
    const int tall = theme_->px("control"), top = (height() - tall) / 2;
    const QSize menu = menus_->sizeHint();
    menus_->setGeometry(theme_->scaled(94), (height() - menu.height()) / 2, menu.width(), menu.height());
    const bool wide = width() >= theme_->scaled(1150);
    find_->setVisible(wide);
    const int find_width = theme_->scaled(width() >= theme_->scaled(1500) ? 190 : 120);
    int right = width() - theme_->px("m");
    if (wide) {
        find_->setGeometry(right - find_width, top, find_width, tall);
        find_key_->setGeometry(0, 0, find_width - theme_->px("m"), tall);
        find_key_->setVisible(find_width >= theme_->scaled(160));
        right = find_->x() - theme_->px("m");
    }
    const int range_width =
        QFontMetrics(theme_->words("body")).horizontalAdvance(range_button_->text()) + theme_->scaled(36);
    range_button_->setGeometry(right - range_width, top, range_width, tall);
}

void Toolbar::resizeEvent(QResizeEvent* /*event*/) { place_children(); }

/// The window's style sheet dresses the menu bar anew after restyle(), with another size until one asks again.
bool Toolbar::eventFilter(QObject* watched, QEvent* event) {
    if (watched == menus_ && (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest ||
                              event->type() == QEvent::StyleChange)) {
        place_children();
        update();
    }
    return QWidget::eventFilter(watched, event);
}

/// All that the chip says; in the chip it may be cut.
QString Toolbar::chip_words() const {
    QStringList words;
    if (!loud()) words << dotless_word(state_.kind);
    for (const QString& word : {state_.sentence, state_.name, state_.device})
        if (!word.isEmpty()) words << word;
    return words.join(QStringLiteral("\n"));
}

bool Toolbar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    if (chip_rect().contains(help->pos()))
        QToolTip::showText(help->globalPos(), chip_words(), this, chip_rect());
    else
        QToolTip::hideText();
    return true;
}

/// Centred in the window where the menus leave room for that.
QRect Toolbar::chip_rect() const {
    // Not the menu bar's present width, which is wrong for a moment after a change of theme.
    const int left = menus_->x() + menus_->sizeHint().width() + theme_->px("l"),
              right = range_button_->x() - theme_->px("l");
    const int wide = std::min(theme_->scaled(520), right - left);
    const int tall = theme_->px("control");
    const int x = std::clamp((width() - wide) / 2, left, std::max(left, right - wide));
    return {x, (height() - tall) / 2, std::max(0, wide), tall};
}

void Toolbar::paint_logo(QPainter& painter) const {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.scale(theme_->scale(), theme_->scale());
    painter.translate(0, (height() / theme_->scale() - 40) / 2);
    QPainterPath p;
    p.moveTo(14, 27);
    p.lineTo(14, 13);
    p.lineTo(20.2, 13);
    p.arcTo(QRectF(15.9, 13, 8.6, 8.6), 90, -180);
    p.lineTo(14, 21.6);
    painter.setPen(QPen(ink(), 2.4, Qt::SolidLine, Qt::FlatCap, Qt::MiterJoin));
    painter.drawPath(p);
    painter.setPen(QPen(loud() ? ink() : theme_->color("signal.accent"), 2.4, Qt::SolidLine, Qt::FlatCap));
    painter.drawLine(QPointF(21.5, 27), QPointF(26.5, 27));
    painter.restore();
    QFont name = theme_->words("stream", 600);
    painter.setFont(name);
    painter.setPen(ink());
    painter.drawText(QPointF(theme_->scaled(38), height() / 2.0 + theme_->scaled(5)),
                     QStringLiteral("Pitwall"));
}

void Toolbar::paint_chip(QPainter& painter) const {
    const QRectF chip = chip_rect();
    if (chip.width() < theme_->scaled(40)) return;
    const double inset = theme_->px("l"), baseline = chip.center().y() + theme_->scaled(4.5);
    painter.setRenderHint(QPainter::Antialiasing);
    if (!loud()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme_->color("bg.panel"));
        painter.drawRoundedRect(chip, theme_->px("radius"), theme_->px("radius"));
    }
    double x = chip.left() + inset;
    if (state_.kind == SourceState::Kind::kFailed) {
        panels::paint_verdict(painter, *theme_, QPointF(x + theme_->scaled(3), chip.center().y()),
                              panels::Verdict::kBad);
        x += theme_->scaled(14);
    } else if (state_.kind == SourceState::Kind::kLive && !loud()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme_->color("signal.ok"));
        painter.drawEllipse(QPointF(x + theme_->scaled(2), chip.center().y()), 3.5 * theme_->scale(),
                            3.5 * theme_->scale());
        x += theme_->scaled(12);
    }
    const auto write = [&](const QString& text, const QFont& font, const QColor& color, double right) {
        const QString shown = QFontMetricsF(font).elidedText(text, Qt::ElideRight, std::max(0.0, right - x));
        painter.setFont(font);
        painter.setPen(color);
        painter.drawText(QPointF(x, baseline), shown);
        x += QFontMetricsF(font).horizontalAdvance(shown) + theme_->px("m");
    };
    const QFont strong = theme_->words("body", 600), plain = theme_->words("body");
    const double right = chip.right() - inset;
    if (loud() || state_.kind == SourceState::Kind::kLoading || state_.kind == SourceState::Kind::kFailed) {
        write(loud() ? state_.sentence : dotless_word(state_.kind), strong, ink(), right);
        if (!loud()) write(state_.sentence, plain, ink(), right);
        return;
    }
    const double device = QFontMetricsF(plain).horizontalAdvance(state_.device);
    const bool roomy = right - x > device + theme_->scaled(180);
    write(dotless_word(state_.kind), strong, ink(), right);
    write(state_.name, plain, ink(), roomy ? right - device - theme_->px("m") : right);
    if (!roomy) return;
    x = right - device;
    write(state_.device, plain, theme_->color("text.secondary"), right + 1);
}

void Toolbar::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.fillRect(rect(), surface());
    paint_logo(painter);
    paint_chip(painter);
    if (state_.kind == SourceState::Kind::kLoading && state_.share > 0)
        painter.fillRect(
            QRectF(chip_rect().left(), chip_rect().bottom() - 1, chip_rect().width() * state_.share, 2),
            theme_->color("text.primary"));
}

}  // namespace pitwall::app
