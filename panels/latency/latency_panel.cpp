// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/latency/latency_panel.h"

#include <QKeyEvent>
#include <QLabel>
#include <QVBoxLayout>

#include "panels/changes/change_groups.h"
#include "panels/knobs/knob_text.h"
#include "panels/throughput/bar_layer.h"
#include "panels/throughput/end_ticks.h"
#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {

namespace {

constexpr StripGeometry kStrip{.above = 36, .below = 20, .height = 0, .caption_lift = 22, .right = 14};
constexpr StripGeometry kStrips[] = {kStrip, kStrip};
constexpr int kBothFrom = 190, kChartFrom = 92;  ///< height of the panel without its title, at scale 1
constexpr int kSloConfirmMs = 1500;
constexpr const char* kColours[] = {"work.prefill", "work.decode"};
constexpr telemetry::Formula kFormulas[] = {telemetry::Formula::kVllm, telemetry::Formula::kAiperf,
                                            telemetry::Formula::kGuidellm, telemetry::Formula::kLlmperf};
constexpr int64_t kRefusalShownMs = 10'000;
constexpr const char* kSloKnobs[] = {"ttft_slo_ms", "tpot_slo_ms"};

}  // namespace

LatencyPanel::LatencyPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context.store),
      chart_(new StripChart(context.theme, kStrips, this)),
      figures_(new QLabel(this)),
      definitions_(new MenuButton(context.theme, this)),
      empty_(make_empty_state(context, QStringLiteral("No request has had its first token in this range."),
                              chart_)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(chart_, 1);
    layout->addWidget(figures_);
    figures_->setContentsMargins(12, 0, 12, 0);
    figures_->hide();
    fill_definitions();
    setFocusProxy(chart_);
    for (const Which which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot}) {
        bars_[which] = new BarLayer(chart_->strip(which));
        outlines_[which] = chart_->plot().addGraph(chart_->x_axis(which), chart_->y_axis(which));
        outlines_[which]->setLineStyle(QCPGraph::lsStepLeft);
        chart_->x_axis(which)->grid()->setVisible(false);
    }
    clock_.start();
    slo_timer_.setInterval(25);
    connect(chart_, &StripChart::moved, this, &LatencyPanel::mouse_moved);
    connect(chart_, &StripChart::pressed, this, &LatencyPanel::mouse_pressed);
    connect(chart_, &StripChart::released, this, &LatencyPanel::mouse_released);
    connect(chart_, &StripChart::left, this, [this] { chart_->set_card({}, {}); });
    connect(chart_, &StripChart::stepped, this, &LatencyPanel::walk_bins);
    connect(chart_, &StripChart::cancelled, this, [this] { walked_bin_.reset(); });
    connect(&slo_timer_, &QTimer::timeout, this, &LatencyPanel::watch_slo);
    connect(definitions_, &MenuButton::chosen, this, [this](int index) {
        presenter_.set_formula(kFormulas[index]);
        recompute();
    });
    // What the window changes is shown at its next refresh, once, and by the panels that are seen.
    connect(context.theme, &Theme::changed, this, [this] { gate_.force(); });
    connect(context.range, &RangeModel::changed, this, [this] { gate_.force(); });
    connect(context.selection, &SelectionModel::changed, this,
            [this] { isVisible() ? show_selected() : gate_.force(); });
    recompute();
}

LatencyPanel::~LatencyPanel() { chart_->disconnect(this); }

void LatencyPanel::fill_definitions() {
    QStringList names, tips;
    for (const telemetry::Formula formula : kFormulas) {
        names << to_qstring(telemetry::name(formula));
        tips << QStringLiteral("TTFT: %1\nTPOT: %2")
                    .arg(to_qstring(telemetry::definition(telemetry::Metric::kTtft, formula)),
                         to_qstring(telemetry::definition(telemetry::Metric::kTpot, formula)));
    }
    definitions_->setObjectName(QStringLiteral("definitions"));
    definitions_->set_choices(names, tips);
    definitions_->set_pattern(QStringLiteral("%1 definitions"));
    definitions_->set_current(0);
}

void LatencyPanel::refresh() {
    gate_.run(*context_.store, [this] { recompute(); });
}

void LatencyPanel::recompute() {
    presenter_.update(context_.range->resolve(*context_.store), context_.range->label(*context_.store),
                      context_.selection->request());
    for (const Which which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot}) draw(which);
    show_selected();
    show_empty_state(*empty_, context_, presenter_.empty() && figures_->isHidden());
    const char* sentence = context_.store->requests().empty()
                               ? "No requests yet."
                               : "No request has had its first token in this range.";
    empty_->set_sentence(QLatin1String(sentence));
    figures_->setFont(context_.theme->words("small"));
    figures_->setText(presenter_.figures(LatencyPresenter::kTtft) + u'\n' +
                      presenter_.figures(LatencyPresenter::kTpot));
    if (presenter_.scope() == shown_scope_) return;
    shown_scope_ = presenter_.scope();
    emit scope_changed();
}

void LatencyPanel::draw(Which which) {
    const LatencyHistogram& view = presenter_.histogram(which);
    const Theme& theme = *context_.theme;
    chart_->x_axis(which)->setRange(0, view.right_edge());
    set_count_axis(*chart_->y_axis(which), std::max(view.highest, 4.0), chart_->plot_height(which));
    const QBrush met(theme.color(kColours[which])), missed(hatch(theme, theme.color("signal.bad")));
    auto& bars = bars_[which]->bars;
    bars.clear();
    for (size_t i = 0; i < view.counts.size(); ++i) {
        if (view.counts[i] <= 0) continue;
        const double from = double(i) * view.bin_width;
        const bool past = view.slo.value > 0 && from >= view.slo.value * (1 - 1e-9);
        bars.push_back({from, from + view.bin_width, 0, view.counts[i], past ? missed : met});
    }
    QColor line = theme.color("text.secondary");
    line.setAlphaF(0.75F);
    outlines_[which]->setPen(QPen(line, 1));
    outlines_[which]->data()->clear();
    for (size_t i = 0; i < view.outline.size(); ++i)
        outlines_[which]->addData(double(i) * view.bin_width, view.outline[i]);
    if (!view.outline.empty()) outlines_[which]->addData(view.right_edge(), view.outline.back());
    PlotOverlay& overlay = chart_->overlay(which);
    overlay.set_percentiles(view.percentiles);
    overlay.set_slo(view.slo);
    chart_->set_caption(which, caption_of(which));
    std::vector<AxisLabel> labels;
    // The sentence of an empty panel stands where the first histogram's labels would be.
    const bool bare = presenter_.empty() && which == LatencyPresenter::kTtft;
    for (const HistogramTick& tick : bare ? std::vector<HistogramTick>() : view.ticks)
        labels.push_back({tick.value, tick.text, tick.last});
    chart_->set_x_labels(which, std::move(labels));
}

void LatencyPanel::show_selected() {
    const RequestId request = context_.selection->request();
    presenter_.select(request);
    for (const Which which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot})
        chart_->overlay(which).set_selected(presenter_.histogram(which).selected.value_or(qQNaN()),
                                            context_.theme->request(request));
    chart_->replot();
}

Caption LatencyPanel::caption_of(Which which) const {
    const LatencyHistogram& view = presenter_.histogram(which);
    Caption caption;
    if (which == active_ && !refusal_.isEmpty()) {
        caption.parts = {{.text = QStringLiteral("refused: ") + refusal_, .token = "signal.bad"}};
        return caption;
    }
    caption.parts = {{.text = view.name + QStringLiteral("  "), .token = "text.primary", .strong = true},
                     {.text = view.samples}};
    if (view.outline.empty()) return caption;
    caption.aside = QStringLiteral("outline: before");
    caption.pin = presenter_.outline_change();
    return caption;
}

void LatencyPanel::choose_layout() {
    const int height = this->height();
    const bool chart = height >= context_.theme->scaled(kChartFrom),
               both = height >= context_.theme->scaled(kBothFrom);
    chart_->setVisible(chart);
    figures_->setVisible(!chart);
    empty_->setVisible(chart && presenter_.empty());
    for (const Which which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot})
        chart_->set_strip_visible(which, both || which == active_);
    chart_->replot();
}

void LatencyPanel::resizeEvent(QResizeEvent* event) {
    Panel::resizeEvent(event);
    choose_layout();
    recompute();
}

void LatencyPanel::keyPressEvent(QKeyEvent* event) {
    const bool other =
        event->key() == Qt::Key_T || event->key() == Qt::Key_Up || event->key() == Qt::Key_Down;
    if (!other || event->modifiers() != Qt::NoModifier) return Panel::keyPressEvent(event);
    active_ = active_ == LatencyPresenter::kTtft ? LatencyPresenter::kTpot : LatencyPresenter::kTtft;
    walked_bin_.reset();
    choose_layout();
    recompute();
}

// ---------------------------------------------------------------------------------------------- mouse and keys

std::optional<LatencyPanel::Which> LatencyPanel::at(QPointF position) const {
    const auto strip = chart_->strip_at(position);
    return strip ? std::optional(Which(*strip)) : std::nullopt;
}

void LatencyPanel::mouse_moved(QPointF position) {
    if (dragging_) return drag_slo(position);
    const auto which = at(position);
    const bool over_slo = which && !context_.replay && chart_->overlay(*which).slo_at(position);
    chart_->setCursor(over_slo ? Qt::SplitHCursor : Qt::ArrowCursor);
    const LatencyHistogram* view = which ? &presenter_.histogram(*which) : nullptr;
    if (!view || view->n == 0 || over_slo || position.y() < chart_->strip(*which)->top())
        return chart_->set_card({}, {});
    const size_t bin = view->bin_of(chart_->key_at(*which, position.x()));
    HoverCard card;
    card.title = presenter_.bin_text(*which, bin).section(QStringLiteral(": "), 0, 0);
    card.lines = {presenter_.bin_text(*which, bin).section(QStringLiteral(": "), 1),
                  to_qstring(telemetry::definition(
                      *which == LatencyPresenter::kTtft ? telemetry::Metric::kTtft : telemetry::Metric::kTpot,
                      presenter_.formula()))};
    const double x = chart_->pixel_of(*which, double(bin) * view->bin_width);
    const double width = chart_->pixel_of(*which, double(bin + 1) * view->bin_width) - x;
    chart_->set_card(card, QRectF(x, position.y() - 8, width, 16));
}

void LatencyPanel::mouse_pressed(QPointF position) {
    const auto which = at(position);
    if (!which) return;
    active_ = *which;
    if (!context_.replay && chart_->overlay(*which).slo_at(position)) {
        chart_->set_card({}, {});
        dragging_ = which;
        return;
    }
    if (position.y() >= chart_->strip(*which)->top())
        select_bin(presenter_.histogram(*which).bin_of(chart_->key_at(*which, position.x())));
}

void LatencyPanel::drag_slo(QPointF position) {
    const LatencyHistogram& view = presenter_.histogram(*dragging_);
    const double ms =
        presenter_.slo_knob_text(*dragging_, chart_->key_at(*dragging_, position.x())).toDouble();
    if (std::abs(ms * 1e6 - view.slo.value * view.unit_ns) < 1) return;
    presenter_.hold_slo(*dragging_, ms * 1e6);
    slo_timer_.start();
    slo_sent_ms_[*dragging_] = clock_.elapsed();
    if (const auto value = throttle_.offer(ms, clock_.elapsed())) send_slo(*value);
    recompute();
}

void LatencyPanel::mouse_released() {
    if (!dragging_) return;
    if (const auto value = throttle_.flush()) send_slo(*value);
    dragging_.reset();
}

void LatencyPanel::send_slo(double value) {
    const Which which = dragging_.value_or(active_);
    slo_sent_ms_[which] = clock_.elapsed();
    slo_answer_ = context_.control->set_knob(kSloKnobs[which], QString::number(value, 'g', 6).toStdString());
}

/// Sends what was held back; lets the hand's value go once the engine had time to tell its own, or refused.
void LatencyPanel::watch_slo() {
    const int64_t now = clock_.elapsed();
    if (const auto value = throttle_.due(now)) send_slo(*value);
    if (slo_answer_.valid() && slo_answer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        const telemetry::Answer answer = slo_answer_.get();
        if (answer.verdict == telemetry::Verdict::kRefused) {
            refusal_ = QString::fromStdString(answer.reason);
            refused_ms_ = now;
            slo_sent_ms_ = {now - kSloConfirmMs - 1, now - kSloConfirmMs - 1};
        }
    }
    if (dragging_ || throttle_.holding()) return;
    for (const Which which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot})
        if (now - slo_sent_ms_[which] > kSloConfirmMs) presenter_.hold_slo(which, std::nullopt);
    if (now - refused_ms_ > kRefusalShownMs) refusal_.clear();
    const bool settled = now - std::max(slo_sent_ms_[0], slo_sent_ms_[1]) > kSloConfirmMs;
    if (settled) recompute();
    if (settled && refusal_.isEmpty()) slo_timer_.stop();
}

void LatencyPanel::select_bin(size_t bin) {
    walked_bin_ = bin;
    const RequestId request = presenter_.request_in_bin(active_, bin, context_.selection->request());
    if (request != kNoRequest) context_.selection->select_request(request);
}

void LatencyPanel::walk_bins(int direction) {
    const std::vector<double>& counts = presenter_.histogram(active_).counts;
    if (counts.empty()) return;
    long bin = walked_bin_ ? long(*walked_bin_) : direction > 0 ? -1 : long(counts.size());
    do bin += direction > 0 ? 1 : -1;
    while (bin >= 0 && bin < long(counts.size()) && counts[size_t(bin)] <= 0);
    if (bin >= 0 && bin < long(counts.size())) select_bin(size_t(bin));
}

}  // namespace pitwall::panels
