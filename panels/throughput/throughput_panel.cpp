// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/throughput_panel.h"

#include <algorithm>

#include "panels/throughput/bar_layer.h"
#include "panels/throughput/end_ticks.h"

namespace pitwall::panels {

namespace {

constexpr StripGeometry kStrips[] = {
    {.above = 24, .below = 0, .height = 0, .caption_lift = 14, .right = 14},
    {.above = 26, .below = 22, .height = 36, .caption_lift = 8, .right = 14}};

QColor faded(QColor colour, float alpha) {
    colour.setAlphaF(alpha);
    return colour;
}

}  // namespace

ThroughputPanel::ThroughputPanel(PanelContext context, QWidget* parent)
    : TimeChartPanel(context, kStrips, parent),
      presenter_(*context.store),
      unit_(new SegmentedControl(context.theme, {QStringLiteral("tok/s"), QStringLiteral("req/s")}, this)),
      upper_(chart().plot().addGraph(chart().x_axis(0), chart().y_axis(0))),
      lower_(chart().plot().addGraph(chart().x_axis(0), chart().y_axis(0))),
      limit_(chart().plot().addGraph(chart().x_axis(1), chart().y_axis(1))),
      queue_(new BarLayer(chart().strip(1), 0)) {
    limit_->setLineStyle(QCPGraph::lsStepLeft);
    connect(unit_, &SegmentedControl::chosen, this, [this](int index) {
        presenter_.set_unit(index == 0 ? ThroughputPresenter::Unit::kTokens
                                       : ThroughputPresenter::Unit::kRequests);
        recompute();
    });
    recompute();
}

void ThroughputPanel::present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    window_ = window;
    presenter_.update(window, cursor_ns);
    show_rates(window);
    show_queue(window);
    read(cursor_ns);
}

void ThroughputPanel::read(std::optional<int64_t> cursor_ns) {
    presenter_.read(cursor_ns);
    chart().set_caption(0, presenter_.rate_caption());
    chart().set_caption(1, presenter_.queue_caption());
}

void ThroughputPanel::show_rates(telemetry::TimeRange window) {
    const Theme& theme = *context_.theme;
    const bool stacked = presenter_.stacked();
    const QColor blue = theme.color("work.decode"),
                 over = theme.color(stacked ? "work.prefill" : "text.secondary");
    lower_->setPen(QPen(blue, 1));
    upper_->setPen(QPen(over, 1));
    lower_->setBrush(faded(blue, stacked ? 0.45F : 0.20F));
    upper_->setBrush(stacked ? QBrush(faded(over, 0.30F)) : QBrush(Qt::NoBrush));
    upper_->setChannelFillGraph(stacked ? lower_ : nullptr);
    lower_->data()->clear();
    upper_->data()->clear();
    for (const ThroughputPresenter::Point& point : presenter_.points()) {
        if (!point.told) continue;
        const double end = double(std::min(point.end_ns, window.end_ns)) / 1e9;
        lower_->addData(end, point.gap ? qQNaN() : point.lower);
        upper_->addData(end, point.gap ? qQNaN() : point.upper + (stacked ? point.lower : 0));
    }
    set_count_axis(*chart().y_axis(0), std::max(presenter_.most(), stacked ? 10.0 : 1.0),
                   chart().plot_height(0));
}

void ThroughputPanel::show_queue(telemetry::TimeRange window) {
    const Theme& theme = *context_.theme;
    const QBrush running(faded(theme.color("work.decode"), 0.45F)), waiting(theme.color("text.secondary"));
    queue_->bars.clear();
    for (const ThroughputPresenter::Point& point : presenter_.points()) {
        if (point.gap || point.most_running + point.most_waiting == 0) continue;
        const double begin = double(point.begin_ns) / 1e9,
                     end = double(std::min(point.end_ns, window.end_ns)) / 1e9;
        if (point.most_running) queue_->bars.push_back({begin, end, 0, double(point.most_running), running});
        if (point.most_waiting)
            queue_->bars.push_back({begin, end, double(point.most_running),
                                    double(point.most_running + point.most_waiting), waiting});
    }
    QPen dashed(theme.color("text.secondary"), 1, Qt::CustomDashLine);
    dashed.setDashPattern({5, 3});
    limit_->setPen(dashed);
    limit_->setVisible(presenter_.limit_shown());
    limit_->data()->clear();
    for (const ThroughputPresenter::Limit& limit : presenter_.limits())
        limit_->addData(double(limit.t_ns) / 1e9, limit.seqs);
    const double top = presenter_.queue_top();
    set_end_ticks(*chart().y_axis(1), top, presenter_.limit_shown() ? presenter_.limits().back().seqs : top);
}

HoverCard ThroughputPanel::card_at(int64_t t_ns) const {
    return presenter_.card_at(t_ns, moment_text(*context_.store, window_, t_ns));
}

}  // namespace pitwall::panels
