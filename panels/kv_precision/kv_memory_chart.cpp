// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_memory_chart.h"

#include <algorithm>

#include "panels/throughput/bar_layer.h"
#include "panels/throughput/end_ticks.h"

namespace pitwall::panels {

namespace {
constexpr StripGeometry kStrips[] = {
    {.above = 24, .below = 0, .height = 0, .caption_lift = 14, .right = 14},
    {.above = 26, .below = 22, .height = 36, .caption_lift = 8, .right = 14}};

QBrush faded(QColor colour, double alpha) {
    colour.setAlphaF(float(alpha));
    return colour;
}
}  // namespace

KvMemoryChart::KvMemoryChart(PanelContext context, QWidget* parent)
    : TimeChartPanel(context, kStrips, parent),
      presenter_(*context.store),
      memory_(new BarLayer(chart().strip(0), 0)),
      samples_(new BarLayer(chart().strip(1), 0)) {
    recompute();
}

/// A piece in which the format changed has the colours of both, each where it was in force.
void KvMemoryChart::show_memory(const KvMemoryPresenter::Point& point, int64_t end_ns) {
    const double unit = presenter_.unit_bytes();
    const double held = point.held_bytes / unit, cached = held + point.cached_bytes / unit,
                 pool = cached + point.free_bytes / unit;
    int64_t from = point.begin_ns;
    while (from < end_ns) {
        const KvFormatSpan* format = kv_format_at(presenter_.formats(), from);
        int64_t to = end_ns;
        for (const KvFormatSpan& span : presenter_.formats())
            if (span.begin_ns > from) to = std::min(to, span.begin_ns);
        const QColor colour =
            format ? context_.theme->kv_format(format->dtype) : context_.theme->color("block.held");
        const double begin = double(from) / 1e9, end = double(to) / 1e9;
        memory_->bars.push_back({begin, end, 0, held, faded(colour, 1)});
        memory_->bars.push_back({begin, end, held, cached, faded(colour, KvMemoryPresenter::kCachedOpacity)});
        memory_->bars.push_back({begin, end, cached, pool, faded(colour, KvMemoryPresenter::kFreeOpacity)});
        from = to;
    }
}

void KvMemoryChart::present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    window_ = window;
    presenter_.update(window, cursor_ns);
    memory_->bars.clear();
    samples_->bars.clear();
    for (const KvMemoryPresenter::Point& point : presenter_.points()) {
        const int64_t end_ns = std::min(point.end_ns, window.end_ns);
        if (point.known() && !point.gap) show_memory(point, end_ns);
        if (point.samples == 0 || point.gap) continue;
        const KvFormatSpan* format = kv_format_at(presenter_.formats(), point.end_ns);
        const QColor colour =
            format ? context_.theme->kv_format(format->dtype) : context_.theme->color("block.held");
        samples_->bars.push_back({double(point.begin_ns) / 1e9, double(end_ns) / 1e9, 0, point.kl, colour});
    }
    const double top = presenter_.most_bytes() / presenter_.unit_bytes();
    // The caption above tells the unit, for which the axis has no room.
    set_value_axis(*chart().y_axis(0), std::max(1e-3, top * 1.02), QString());
    set_end_ticks(*chart().y_axis(1), std::max(1e-9, presenter_.most_kl()), 0);
    read(cursor_ns);
}

void KvMemoryChart::read(std::optional<int64_t> cursor_ns) {
    presenter_.read(cursor_ns);
    chart().set_caption(0, presenter_.memory_caption());
    chart().set_caption(1, presenter_.probe_caption());
}

HoverCard KvMemoryChart::card_at(int64_t t_ns) const {
    return presenter_.card_at(t_ns, moment_text(*context_.store, window_, t_ns));
}

}  // namespace pitwall::panels
