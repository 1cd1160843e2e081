// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/time_chart_panel.h"

#include <qcustomplot.h>

#include <QVBoxLayout>
#include <algorithm>

#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {

using telemetry::TimeRange;

namespace {
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kWindowNs = 120 * kSecond;
constexpr int kSecondStripFrom = 150;  ///< height of the panel without its title, at scale 1
/// A window that ends this near to the newest event counts as "now".
constexpr int64_t kNowNs = kSecond / 2;
}  // namespace

TimeRange chart_window(const RangeModel& range, const telemetry::Store& store) {
    const TimeRange chosen = range.resolve(store);
    if (range.mode() == RangeModel::Mode::kDragged && chosen.end_ns > chosen.begin_ns) return chosen;
    return {std::min(chosen.begin_ns, chosen.end_ns - kWindowNs), chosen.end_ns};
}

std::optional<StepId> step_at(const telemetry::Store& store, int64_t t_ns) {
    const auto& steps = store.steps();
    const auto after =
        std::upper_bound(steps.begin(), steps.end(), t_ns,
                         [](int64_t t, const telemetry::StepRow& row) { return t < row.start_ns; });
    if (after == steps.begin()) return std::nullopt;
    return StepId{std::prev(after)->step.step_id};
}

QString moment_text(const telemetry::Store& store, TimeRange window, int64_t t_ns) {
    if (store.now_ns() - window.end_ns > kNowNs) return format_clock(t_ns);
    const double back = double(std::max<int64_t>(0, window.end_ns - t_ns)) / double(kSecond);
    return back < 0.5 ? QStringLiteral("now") : QStringLiteral("\u2212%1 s").arg(format_fixed(back, 0));
}

TimeChartPanel::TimeChartPanel(PanelContext context, std::span<const StripGeometry> strips, QWidget* parent)
    : Panel(context, parent),
      chart_(new StripChart(context.theme, strips, this)),
      empty_(make_empty_state(context, QStringLiteral("No steps yet."), chart_)),
      effects_(*context.store) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(chart_);
    setFocusProxy(chart_);
    connect(chart_, &StripChart::moved, this, &TimeChartPanel::moved);
    connect(chart_, &StripChart::pressed, this, &TimeChartPanel::pressed);
    connect(chart_, &StripChart::stepped, this, &TimeChartPanel::stepped);
    connect(chart_, &StripChart::left, this, &TimeChartPanel::drop_cursor);
    connect(chart_, &StripChart::cancelled, this, &TimeChartPanel::drop_cursor);
    // What the window changes is shown at its next refresh, once, and by the panels that are seen.
    connect(context.theme, &Theme::changed, this, [this] { gate_.force(); });
    connect(context.range, &RangeModel::changed, this, [this] { gate_.force(); });
    connect(context.selection, &SelectionModel::changed, this,
            [this] { isVisible() ? show_cursor() : gate_.force(); });
}

// The chart loses its focus on the way out and would ask a panel that is half gone for its captions.
TimeChartPanel::~TimeChartPanel() { chart_->disconnect(this); }

void TimeChartPanel::refresh() {
    gate_.run(*context_.store, [this] { recompute(); });
}

std::optional<int64_t> TimeChartPanel::cursor_ns() const {
    if (key_cursor_ns_) return key_cursor_ns_;
    if (!mouse_ || window_.end_ns <= window_.begin_ns) return std::nullopt;
    return int64_t(chart_->key_at(0, mouse_->x()) * double(kSecond));
}

void TimeChartPanel::recompute() {
    window_ = chart_window(*context_.range, *context_.store);
    show_axis(window_);
    present(window_, cursor_ns());
    const auto groups = group_changes(context_.store->knob_changes());
    for (size_t i = 0; i < 2; ++i) chart_->overlay(i).set_changes(group_marks(groups, window_));
    show_empty_state(*empty_, context_, empty());
    show_cursor();
    if (scope() == shown_scope_) return;
    shown_scope_ = scope();
    emit scope_changed();
}

/// The line at the cursor or at the selected step.
void TimeChartPanel::show_cursor() {
    const auto cursor = cursor_ns();
    // The selected step has its line as well, where the cursor does not say otherwise.
    double line = cursor ? double(*cursor) / double(kSecond) : qQNaN();
    if (!cursor && context_.selection->has_step())
        if (const auto* step = context_.store->find_step(context_.selection->step()))
            line = double(step->start_ns) / double(kSecond);
    // Over a change its own line says where one is, and the number on it stays to be read.
    const bool over_change = mouse_ && !key_cursor_ns_ && chart_->overlay(0).change_at(*mouse_) != 0;
    for (size_t i = 0; i < 2; ++i) chart_->overlay(i).set_cursor(over_change ? qQNaN() : line);
    chart_->replot();
}

void TimeChartPanel::show_axis(TimeRange window) {
    const bool past = context_.store->now_ns() - window.end_ns > kNowNs;
    for (size_t i = 0; i < 2; ++i) {
        set_now_axis(*chart_->x_axis(i), window);
        std::vector<AxisLabel> labels;
        const bool last = i == 1 || !chart_->strip_visible(1);
        if (past && last) {
            for (int quarter = 0; quarter <= 4; ++quarter) {
                const int64_t t = window.begin_ns + (window.end_ns - window.begin_ns) / 4 * quarter;
                labels.push_back({double(t) / double(kSecond), format_clock(t), quarter == 4});
            }
        }
        chart_->set_x_labels(i, std::move(labels));
        chart_->x_axis(i)->setTickLabels(last && !past);
    }
}

void TimeChartPanel::resizeEvent(QResizeEvent* event) {
    Panel::resizeEvent(event);
    chart_->set_strip_visible(1, height() >= context_.theme->scaled(kSecondStripFrom));
    recompute();
}

void TimeChartPanel::moved(QPointF position) {
    mouse_.reset();
    if (const auto strip = chart_->strip_at(position)) mouse_ = position;
    key_cursor_ns_.reset();
    read(cursor_ns());
    show_cursor();
    show_card(position);
}

void TimeChartPanel::show_card(QPointF position) {
    if (!mouse_) return chart_->set_card({}, {});
    HoverCard card;
    if (const ChangeEffect* effect = hovered_change(position)) card = effects_.card(*effect);
    if (card.title.isEmpty()) card = card_at(*cursor_ns());
    chart_->set_card(card, QRectF(position.x() - 8, position.y() - 8, 16, 16));
}

const ChangeEffect* TimeChartPanel::hovered_change(QPointF position) {
    const uint32_t change = chart_->overlay(0).change_at(position);
    if (!change) return nullptr;
    const int64_t now = context_.store->now_ns();
    const bool known =
        hovered_ && hovered_->group.number == change && now >= hovered_ns_ && now - hovered_ns_ < kSecond;
    if (!known) {
        hovered_ = effects_.compute(change);
        hovered_ns_ = now;
    }
    return hovered_ ? &*hovered_ : nullptr;
}

void TimeChartPanel::pressed(QPointF position) {
    if (!chart_->strip_at(position)) return;
    if (const auto step =
            step_at(*context_.store, int64_t(chart_->key_at(0, position.x()) * double(kSecond))))
        context_.selection->select_step(*step);
}

void TimeChartPanel::stepped(int direction) {
    const int64_t from = cursor_ns().value_or(window_.end_ns);
    key_cursor_ns_ = std::clamp(from + direction * point_ns(), window_.begin_ns, window_.end_ns);
    if (const auto step = step_at(*context_.store, *key_cursor_ns_)) context_.selection->select_step(*step);
    read(cursor_ns());
    show_cursor();
}

void TimeChartPanel::drop_cursor() {
    if (!mouse_ && !key_cursor_ns_) return;
    mouse_.reset();
    key_cursor_ns_.reset();
    chart_->set_card({}, {});
    read(std::nullopt);
    show_cursor();
}

}  // namespace pitwall::panels
