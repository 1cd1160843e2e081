// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/prefix_cache/prefix_cache_panel.h"

#include <algorithm>

#include "panels/throughput/bar_layer.h"
#include "panels/throughput/end_ticks.h"

namespace pitwall::panels {

namespace {
constexpr StripGeometry kStrips[] = {
    {.above = 24, .below = 0, .height = 0, .caption_lift = 14, .right = 14},
    {.above = 26, .below = 22, .height = 36, .caption_lift = 8, .right = 14}};
constexpr double kFill = 0.22;
}  // namespace

PrefixCachePanel::PrefixCachePanel(PanelContext context, QWidget* parent)
    : TimeChartPanel(context, kStrips, parent),
      presenter_(*context.store),
      unit_(new SegmentedControl(context.theme, {QStringLiteral("Tokens"), QStringLiteral("Blocks")}, this)),
      line_(chart().plot().addGraph(chart().x_axis(0), chart().y_axis(0))),
      evictions_(new BarLayer(chart().strip(1))) {
    set_value_axis(*chart().y_axis(0), 100, QStringLiteral("%"));
    line_->setAdaptiveSampling(true);
    connect(unit_, &SegmentedControl::chosen, this, [this](int index) {
        presenter_.set_unit(index == 0 ? PrefixCachePresenter::Unit::kTokens
                                       : PrefixCachePresenter::Unit::kBlocks);
        recompute();
    });
    recompute();
}

void PrefixCachePanel::present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    window_ = window;
    const Theme& theme = *context_.theme;
    presenter_.update(window, context_.range->resolve(*context_.store),
                      context_.range->label(*context_.store), cursor_ns);
    QColor fill = theme.color("work.cached");
    line_->setPen(QPen(fill, 2));
    fill.setAlphaF(kFill);
    line_->setBrush(fill);
    line_->data()->clear();
    evictions_->bars.clear();
    const QBrush grey(theme.color("text.disabled"));
    for (const PrefixCachePresenter::Point& point : presenter_.points()) {
        if (!point.told) continue;
        const double end = double(std::min(point.end_ns, window.end_ns)) / 1e9;
        // A point that is not a number breaks the line: nothing was asked, or events are missing.
        line_->addData(end, point.gap ? qQNaN() : point.hit_rate * 100);
        if (point.evictions_per_s > 0 && !point.gap)
            evictions_->bars.push_back({double(point.begin_ns) / 1e9, end, 0, point.evictions_per_s, grey});
    }
    set_end_ticks(*chart().y_axis(1), std::max(1.0, presenter_.most_evictions_per_s()),
                  presenter_.most_evictions_per_s());
    read(cursor_ns);
}

void PrefixCachePanel::read(std::optional<int64_t> cursor_ns) {
    presenter_.read(cursor_ns);
    chart().set_caption(0, presenter_.hit_caption());
    chart().set_caption(1, presenter_.eviction_caption());
}

HoverCard PrefixCachePanel::card_at(int64_t t_ns) const {
    return presenter_.card_at(t_ns, moment_text(*context_.store, window_, t_ns));
}

}  // namespace pitwall::panels
