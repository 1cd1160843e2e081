// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/knob_row.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "panels/common/widgets.h"

namespace pitwall::panels {

namespace {
constexpr double kInset = 12, kValueRoom = 106, kLeastSlider = 60;
constexpr int kLargeStep = 10;
}  // namespace

KnobRow::KnobRow(Theme* theme, const presets::KnobSpec& spec, QWidget* parent)
    : QWidget(parent), theme_(theme), spec_(spec) {
    setObjectName(to_qstring(spec.name));
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(to_qstring(spec.name));
    setAccessibleDescription(to_qstring(spec.help));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, &QWidget::updateGeometry);
}

void KnobRow::show_view(const KnobRowView& view) {
    if (view == view_) return;
    const bool note_moved = view.note_text != view_.note_text;
    view_ = view;
    setAccessibleName(QStringLiteral("%1, %2 %3").arg(view.name, view.number, view.unit));
    if (note_moved) updateGeometry();
    update();
}

QSize KnobRow::sizeHint() const {
    const int notes = int(note_lines().size());
    return {theme_->scaled(200),
            theme_->px("knob") + (notes ? theme_->scaled(14) * notes + theme_->scaled(3) : 0)};
}

double KnobRow::control_line() const { return theme_->scaled(26); }

QRectF KnobRow::control_rect() const {
    const double inset = theme_->scaled(kInset), middle = control_line();
    const double room = width() - inset - theme_->scaled(kValueRoom);
    if (view_.kind == KnobWidgetKind::kSwitch)
        return {inset, middle - theme_->scaled(7), double(theme_->scaled(24)), double(theme_->scaled(13))};
    if (room < theme_->scaled(kLeastSlider)) return {};
    if (kind() == KnobWidgetKind::kMenu)
        return {inset, middle - theme_->scaled(9), width() - 2 * inset, double(theme_->scaled(18))};
    return {inset, middle - theme_->scaled(8), room, double(theme_->scaled(16))};
}

QRectF KnobRow::value_rect() const {
    const QRectF control = control_rect();
    const double left =
        std::max(double(theme_->scaled(kInset)), control.isEmpty() ? 0 : control.right() + theme_->scaled(6));
    return {left, control_line() - theme_->scaled(8), width() - theme_->scaled(kInset) - left,
            double(theme_->scaled(16))};
}

// ---------------------------------------------------------------------------------------------- hands

double KnobRow::segment_width(const QString& word) const {
    return QFontMetricsF(theme_->numbers("small")).horizontalAdvance(word) + theme_->scaled(10);
}

double KnobRow::segments_width() const {
    double total = 4;
    for (const QString& word : view_.choices) total += segment_width(word);
    return total;
}

KnobWidgetKind KnobRow::kind() const {
    if (view_.kind != KnobWidgetKind::kSegments) return view_.kind;
    const double room = width() - theme_->scaled(kInset) - theme_->scaled(kValueRoom);
    return segments_width() > room ? KnobWidgetKind::kMenu : KnobWidgetKind::kSegments;
}

void KnobRow::press_control(QPointF at) {
    if (view_.kind == KnobWidgetKind::kSwitch) return emit chosen(view_.value != 0 ? 0 : 1);
    if (kind() == KnobWidgetKind::kMenu) return open_menu();
    if (view_.kind == KnobWidgetKind::kSlider) {
        dragging_ = true;
        return drag_to(at.x());
    }
    double x = control_rect().left() + 2;
    for (size_t i = 0; i < view_.choices.size(); ++i) {
        x += segment_width(view_.choices[i]);
        if (at.x() < x) return emit chosen(double(i));
    }
}

void KnobRow::drag_to(double x) {
    const QRectF track = control_rect();
    emit dragged(std::clamp((x - track.left()) / std::max(1.0, track.width()), 0.0, 1.0));
}

void KnobRow::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
    ring_ = false;
    close_editor(true);
    if (!view_.movable) return;
    // The whole height of the row's lower half hits: 13 px of switch are too few for a hand.
    const QRectF control = control_rect().adjusted(-6, -5, 6, 6);
    if (control.contains(event->position())) press_control(event->position());
}

void KnobRow::mouseMoveEvent(QMouseEvent* event) {
    if (dragging_) drag_to(event->position().x());
}

void KnobRow::mouseReleaseEvent(QMouseEvent* event) {
    if (!dragging_ || event->button() != Qt::LeftButton) return;
    dragging_ = false;
    emit drag_ended();
}

void KnobRow::mouseDoubleClickEvent(QMouseEvent* event) {
    if (view_.movable && view_.kind == KnobWidgetKind::kSlider && value_rect().contains(event->position()))
        return open_editor({});
    mousePressEvent(event);
}

void KnobRow::wheelEvent(QWheelEvent* event) {
    const bool over_control = event->position().y() > control_line() - theme_->scaled(9);
    if (wheel_locked_ || !view_.movable || !over_control) return event->ignore();
    const int delta = event->angleDelta().y() != 0 ? event->angleDelta().y() : event->angleDelta().x();
    wheel_rest_ += delta;
    const int notches = wheel_rest_ / 120;
    wheel_rest_ -= notches * 120;
    if (notches != 0) step_key(notches, event->modifiers());
    event->accept();
}

void KnobRow::step_key(int steps, Qt::KeyboardModifiers modifiers) {
    emit stepped(modifiers.testFlag(Qt::ShiftModifier) ? steps * kLargeStep : steps);
}

void KnobRow::keyPressEvent(QKeyEvent* event) {
    ring_ = true;
    update();
    const bool slider = view_.kind == KnobWidgetKind::kSlider;
    if (!view_.movable) return QWidget::keyPressEvent(event);
    switch (event->key()) {
        case Qt::Key_Up:
        case Qt::Key_Right:
            return step_key(1, event->modifiers());
        case Qt::Key_Down:
        case Qt::Key_Left:
            return step_key(-1, event->modifiers());
        case Qt::Key_Home:
            return emit chosen(spec_.minimum);
        case Qt::Key_End:
            return emit chosen(spec_.maximum);
        case Qt::Key_Backspace:
            return emit reset();
        case Qt::Key_Space:
            if (!slider) return press_control(control_rect().center());
            break;
        case Qt::Key_Return:
        case Qt::Key_Enter:
        case Qt::Key_F2:
            return slider ? open_editor({}) : press_control(control_rect().center());
        default:
            break;
    }
    const QString text = event->text();
    const bool types =
        slider && !text.isEmpty() && text[0].isPrint() && !event->modifiers().testFlag(Qt::ControlModifier);
    if (types && (text[0].isDigit() || text[0] == u'.' || text[0] == u'o')) return open_editor(text);
    QWidget::keyPressEvent(event);
}

void KnobRow::focusInEvent(QFocusEvent* event) {
    ring_ = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
            event->reason() == Qt::ShortcutFocusReason;
    QWidget::focusInEvent(event);
}

void KnobRow::focusOutEvent(QFocusEvent* event) {
    ring_ = false;
    QWidget::focusOutEvent(event);
}

// ---------------------------------------------------------------------------------------------- typing and
// menus

void KnobRow::open_editor(const QString& first) {
    if (!editor_) {
        editor_ = new QLineEdit(this);
        editor_->setObjectName(QStringLiteral("value"));
        editor_->setAlignment(Qt::AlignRight);
        editor_->setFrame(false);
        editor_->installEventFilter(this);
        connect(editor_, &QLineEdit::editingFinished, this, [this] { close_editor(false); });
    }
    editor_->setFont(theme_->numbers("body", 500));
    editor_->setStyleSheet(
        QStringLiteral("background:%1;color:%2;border:1px solid %3;border-radius:3px;padding:0 3px")
            .arg(theme_->color("bg.inset").name(), theme_->color("text.primary").name(),
                 theme_->color("signal.focus").name()));
    editor_->setGeometry(value_rect().adjusted(-4, -3, 4, 3).toRect());
    editor_->setText(first.isEmpty() ? QString::fromStdString(presets::format_value(spec_, view_.value))
                                     : first);
    editor_->show();
    editor_->setFocus();
    if (first.isEmpty()) editor_->selectAll();
}

void KnobRow::close_editor(bool apply) {
    if (!editor_ || editor_->isHidden()) return;
    const QString text = editor_->text();
    editor_->hide();  // first: hiding ends the edit once more
    if (editor_->hasFocus() || apply) setFocus();
    if (apply) emit entered(text);
}

void KnobRow::open_menu() {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (size_t i = 0; i < view_.choices.size(); ++i) {
        QAction* action = menu->addAction(view_.choices[i], this, [this, i] { emit chosen(double(i)); });
        action->setCheckable(true);
        action->setChecked(int(i) == view_.choice);
    }
    menu->setMinimumWidth(int(control_rect().width()));
    menu->popup(mapToGlobal(control_rect().bottomLeft().toPoint()));
}

/// Keys that would be a command of the window if this row did not ask for them.
bool KnobRow::takes_from_window(const QKeyEvent& event) const {
    const bool slider = view_.kind == KnobWidgetKind::kSlider;
    if (view_.movable && slider && is_shift_arrow(event)) return true;
    if (!view_.movable || event.modifiers() != Qt::NoModifier) return false;
    return slider ? event.key() == Qt::Key_Period : event.key() == Qt::Key_Space;
}

bool KnobRow::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride && takes_from_window(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    if (event->type() == QEvent::ToolTip) {
        const QString replay =
            view_.movable ? QString() : QStringLiteral("<br>A replay shows recorded values; L goes live.");
        QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(), knob_hover_text(spec_) + replay,
                           this);
        return true;
    }
    return QWidget::event(event);
}

/// A line edit passes Enter and Escape on after it saw them: here they would open the field once more.
bool KnobRow::eventFilter(QObject* watched, QEvent* event) {
    if (watched != editor_ || event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key != Qt::Key_Return && key != Qt::Key_Enter && key != Qt::Key_Escape) return false;
    close_editor(key != Qt::Key_Escape);
    setFocus();
    return true;
}

}  // namespace pitwall::panels
