// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/draft_time_chart.h"

#include <algorithm>
#include <cmath>

#include "panels/throughput/bar_layer.h"
#include "panels/throughput/end_ticks.h"

namespace pitwall::panels {

namespace {
constexpr StripGeometry kStrips[] = {
    {.above = 24, .below = 0, .height = 0, .caption_lift = 14, .right = 14},
    {.above = 26, .below = 22, .height = 36, .caption_lift = 8, .right = 14}};
}

DraftTimeChart::DraftTimeChart(PanelContext context, QWidget* parent)
    : TimeChartPanel(context, kStrips, parent),
      presenter_(*context.store),
      tokens_(new BarLayer(chart().strip(0))),
      waste_(new BarLayer(chart().strip(1))) {
    recompute();
}

void DraftTimeChart::present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    window_ = window;
    presenter_.update(window, cursor_ns);
    const QBrush accepted(context_.theme->color("work.draft_accepted")),
        wasted(context_.theme->color("work.draft_wasted"));
    tokens_->bars.clear();
    waste_->bars.clear();
    for (const DraftTimePresenter::Point& point : presenter_.points()) {
        if (!point.told || point.gap) continue;
        const double begin = double(point.begin_ns) / 1e9,
                     end = double(std::min(point.end_ns, window.end_ns)) / 1e9;
        const double all = point.accepted_per_s + point.wasted_per_s;
        if (point.accepted) tokens_->bars.push_back({begin, end, 0, point.accepted_per_s, accepted});
        if (all > point.accepted_per_s)
            tokens_->bars.push_back({begin, end, point.accepted_per_s, all, wasted});
        if (point.wasted_share > 0) waste_->bars.push_back({begin, end, 0, point.wasted_share * 100, wasted});
    }
    set_count_axis(*chart().y_axis(0), std::max(10.0, presenter_.most_per_s()), chart().plot_height(0));
    const double most = std::ceil(presenter_.most_wasted_share() * 100);
    set_end_ticks(*chart().y_axis(1), std::max(1.0, most), most);
    read(cursor_ns);
}

void DraftTimeChart::read(std::optional<int64_t> cursor_ns) {
    presenter_.read(cursor_ns);
    chart().set_caption(0, presenter_.token_caption());
    chart().set_caption(1, presenter_.waste_caption());
}

HoverCard DraftTimeChart::card_at(int64_t t_ns) const {
    return presenter_.card_at(t_ns, moment_text(*context_.store, window_, t_ns));
}

}  // namespace pitwall::panels
