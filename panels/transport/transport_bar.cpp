// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/transport/transport_bar.h"

#include <QMenu>
#include <QMouseEvent>
#include <QPushButton>
#include <QToolButton>
#include <algorithm>
#include <cmath>

#include "panels/changes/change_groups.h"
#include "panels/common/format.h"

namespace pitwall::panels {

namespace {
constexpr double kSpeeds[] = {0.1, 0.25, 0.5, 1, 2, 5, 10};
QString speed_text(double speed) { return QString::number(speed) + QStringLiteral("\u00d7"); }
}  // namespace

TransportBar::TransportBar(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      record_(make_button("Record, or end the recording (R)")),
      pause_(make_button("Pause or resume (Space)")),
      step_(make_button("One step (.)")),
      live_(new QPushButton(QStringLiteral("Live"), this)),
      speed_(new QPushButton(QStringLiteral("1\u00d7"), this)) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);
    connect(record_, &QToolButton::clicked, this, &TransportBar::record_toggled);
    connect(pause_, &QToolButton::clicked, this, &TransportBar::pause_toggled);
    connect(step_, &QToolButton::clicked, this, &TransportBar::step_wanted);
    connect(live_, &QPushButton::clicked, this, [this] {
        live_->setChecked(!state_.replay);  // it shows what is, not what was clicked
        emit live_wanted();
    });
    live_->setToolTip(QStringLiteral("Show the newest events; out of a replay, back to the engine (L)"));
    live_->setCheckable(true);
    speed_->setToolTip(QStringLiteral("Speed of the replay"));
    speed_->setFlat(true);
    auto* menu = new QMenu(speed_);
    for (const double speed : kSpeeds)
        menu->addAction(speed_text(speed), this, [this, speed] { emit speed_wanted(speed); });
    speed_->setMenu(menu);
    for (QPushButton* button : {live_, speed_}) button->setFocusPolicy(Qt::TabFocus);
    connect(context_.theme, &Theme::changed, this, &TransportBar::restyle);
    restyle();
}

QToolButton* TransportBar::make_button(const char* tip) {
    auto* button = new QToolButton(this);
    button->setToolTip(QLatin1String(tip));
    button->setAccessibleName(QLatin1String(tip));
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

void TransportBar::restyle() {
    const Theme& theme = *context_.theme;
    const QString sheet =
        QStringLiteral(
            "QToolButton { background: %1; border: 1px solid %2; border-radius: %3px; }"
            "QToolButton:hover { background: %4; } QToolButton:focus { border: 2px solid %5; }")
            .arg(theme.color("bg.raised").name(), theme.color("line.border").name(),
                 QString::number(theme.px("radius")), theme.color("bg.hover").name(),
                 theme.color("signal.focus").name());
    for (QToolButton* button : {record_, pause_, step_}) {
        button->setStyleSheet(sheet);
        button->setIconSize({theme.px("icon"), theme.px("icon")});
    }
    live_->setStyleSheet(QStringLiteral("QPushButton { font-weight: 600; padding: 0; } QPushButton:checked { "
                                        "background: %1; border: 1px solid %2; }")
                             .arg(theme.color("bg.selection").name(), theme.color("signal.select").name()));
    speed_->setStyleSheet(
        QStringLiteral("QPushButton { border: none; background: transparent; padding: 0; }"
                       "QPushButton::menu-indicator { image: none; width: 0; }"));
    live_->setFont(theme.words("body", 600));
    speed_->setFont(theme.numbers("body", 500));
    shown_.reset();
    show_state();
    updateGeometry();
    place_children();
    update();
}

/// Only where it changed: an icon is drawn anew from its SVG.
void TransportBar::show_state() {
    const Theme& theme = *context_.theme;
    const bool still = state_.replay ? state_.speed == 0 : context_.store->paused();
    const Shown now{state_.replay, state_.running, still, state_.speed};
    if (shown_ == now) return;
    shown_ = now;
    record_->setIcon(theme.icon("record", state_.replay ? "text.disabled" : "signal.bad"));
    record_->setEnabled(!state_.replay && state_.running);
    pause_->setIcon(theme.icon(still ? "play" : "pause"));
    step_->setIcon(theme.icon("step", state_.replay ? "text.disabled" : "text.primary"));
    step_->setEnabled(!state_.replay);
    live_->setChecked(!state_.replay);
    speed_->setText(speed_text(state_.replay ? state_.speed : 1));
    speed_->setEnabled(state_.replay);
}

void TransportBar::set_state(const TransportState& state) {
    state_ = state;
    show_state();
}

void TransportBar::set_recorded_changes(std::span<const telemetry::KnobChange> changes) {
    recorded_.assign(changes.begin(), changes.end());
    update();
}

std::span<const telemetry::KnobChange> TransportBar::changes() const {
    return recorded_.empty() ? context_.store->knob_changes() : recorded_;
}

void TransportBar::session_changed() {
    recorded_.clear();
    envelope_.clear();
    show_state();
    update();
}

void TransportBar::refresh() {
    envelope_.update(*context_.store);
    show_state();
    update_words();
}

void TransportBar::update_words() {
    const int left = step_->geometry().right() + 1;
    update(left, 0, live_->x() - left, height());
}

QSize TransportBar::sizeHint() const { return {800, context_.theme->px("transport")}; }

void TransportBar::place_children() {
    const Theme& theme = *context_.theme;
    const int side = theme.scaled(28), top = (height() - side) / 2;
    int x = theme.px("l");
    for (QToolButton* button : {record_, pause_, step_}) {
        button->setGeometry(x, top, side, side);
        x += side + theme.px("s");
    }
    live_->setGeometry(width() - theme.scaled(98), (height() - theme.scaled(24)) / 2, theme.scaled(52),
                       theme.scaled(24));
    speed_->setGeometry(width() - theme.scaled(42), (height() - theme.scaled(24)) / 2, theme.scaled(36),
                        theme.scaled(24));
}

void TransportBar::resizeEvent(QResizeEvent* /*event*/) { place_children(); }

QRectF TransportBar::strip() const {
    const Theme& theme = *context_.theme;
    const double left = theme.scaled(262), right = width() - theme.scaled(112);
    return {left, double(theme.scaled(23)), std::max(1.0, right - left), double(theme.scaled(19))};
}

TimeAxis TransportBar::axis() const {
    const QRectF box = strip();
    const int64_t end =
        std::max(state_.replay ? state_.end_ns : context_.store->now_ns(), state_.begin_ns + 1'000'000'000);
    return {{state_.begin_ns, end}, box.left(), box.width()};
}

int64_t TransportBar::playhead_ns() const { return context_.store->now_ns(); }

int64_t TransportBar::neighbour_change(bool next) const {
    int64_t found = -1;
    for (const ChangeGroup& change : group_changes(changes())) {
        if (!next && change.begin_ns < playhead_ns() - 500'000'000) found = change.begin_ns;
        if (next && change.begin_ns > playhead_ns()) return change.begin_ns;
    }
    return found;
}

void TransportBar::drag_to(double x) {
    const TimeAxis on = axis();
    const int64_t t = x_to_time(on, x);
    if (drag_ == Drag::kSeek) {
        emit seek_wanted(t);
    } else if (drag_ == Drag::kWindow) {
        context_.range->set_dragged(moved_within(context_.range->dragged(), t - drag_from_ns_, on.range));
        drag_from_ns_ = t;
    } else if (drag_ == Drag::kRange && std::abs(time_to_x(on, drag_from_ns_) - x) >= 3) {
        context_.range->set_dragged({drag_from_ns_, t});
    }
}

/// In a replay one drags the playhead; with Shift, and in a live session, the range that statistics are taken over.
void TransportBar::mousePressEvent(QMouseEvent* event) {
    const QRectF box = strip().adjusted(-4, -context_.theme->scaled(20), 4, context_.theme->scaled(14));
    if (event->button() != Qt::LeftButton || !box.contains(event->position())) return;
    const TimeAxis on = axis();
    for (const ChangeGroup& change : group_changes(changes())) {
        const QPointF pin(time_to_x(on, change.begin_ns), context_.theme->scaled(10.5));
        if (QLineF(pin, event->position()).length() > context_.theme->scaled(8)) continue;
        emit change_wanted(change.number);
        return;
    }
    drag_from_ns_ = x_to_time(on, event->position().x());
    const bool range = !state_.replay || event->modifiers().testFlag(Qt::ShiftModifier);
    const bool on_window = context_.range->mode() == RangeModel::Mode::kDragged &&
                           context_.range->dragged().contains(drag_from_ns_);
    drag_ = !range ? Drag::kSeek : on_window ? Drag::kWindow : Drag::kRange;
    emit scrubbing(true);
    if (drag_ == Drag::kSeek) drag_to(event->position().x());
}

void TransportBar::mouseMoveEvent(QMouseEvent* event) {
    if (drag_ != Drag::kNone) drag_to(event->position().x());
}

void TransportBar::mouseReleaseEvent(QMouseEvent* /*event*/) {
    if (drag_ == Drag::kNone) return;
    drag_ = Drag::kNone;
    emit scrubbing(false);
}

}  // namespace pitwall::panels
