// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/plot.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>

#include "panels/common/format.h"

namespace pitwall::panels {

namespace {

constexpr int kMaxGridlines = 4;

/// Ticks of a rate or a count: a few round values, the last of which carries the unit.
class ValueTicker : public QCPAxisTicker {
  public:
    ValueTicker(double top, double step, QString unit) : top_(top), step_(step), unit_(std::move(unit)) {}

  protected:
    QVector<double> createTickVector(double /*step*/, const QCPRange& range) override {
        QVector<double> ticks;
        for (double v = 0; v <= range.upper * (1 + 1e-9); v += step_) ticks << v;
        return ticks;
    }
    double getTickStep(const QCPRange& /*range*/) override { return step_; }
    int getSubTickCount(double /*step*/) override { return 0; }
    QString getTickLabel(double tick, const QLocale& /*locale*/, QChar /*format*/,
                         int /*precision*/) override {
        const bool last = tick + step_ > top_ * (1 + 1e-9);
        const bool thousands = top_ >= 10'000;
        const double shown = thousands ? tick / 1000 : tick;
        const double step = thousands ? step_ / 1000 : step_;
        const int decimals = step >= 1 && step == std::floor(step)                               ? 0
                             : step >= 0.1 && std::abs(step * 10 - std::round(step * 10)) < 1e-9 ? 1
                                                                                                 : 2;
        const QString text =
            tick == 0 ? QStringLiteral("0")
                      : format_fixed(shown, decimals) + (thousands ? QStringLiteral(" k") : QString());
        return last && !unit_.isEmpty() ? text + u' ' + unit_ : text;
    }

  private:
    double top_, step_;
    QString unit_;
};

/// Ticks that stand still relative to the right edge while the window moves on.
class NowTicker : public QCPAxisTicker {
  protected:
    QVector<double> createTickVector(double step, const QCPRange& range) override {
        QVector<double> ticks;
        for (double back = std::floor(range.size() / step + 1e-9) * step; back >= 0; back -= step)
            ticks << range.upper - back;
        end_ = range.upper;
        return ticks;
    }
    double getTickStep(const QCPRange& range) override {
        return double(nice_time_step(int64_t(std::max(range.size(), 1e-3) * 1e9))) / 1e9;
    }
    int getSubTickCount(double /*step*/) override { return 0; }
    QString getTickLabel(double tick, const QLocale& /*locale*/, QChar /*format*/,
                         int /*precision*/) override {
        const double back = end_ - tick;
        if (back < 1e-6) return QStringLiteral("now");
        if (back < 1) return QStringLiteral("\u2212%1 ms").arg(qRound(back * 1000));
        return back <= 300 ? QStringLiteral("\u2212%1 s").arg(qRound(back))
                           : QStringLiteral("\u2212%1 min").arg(format_fixed(back / 60, 0));
    }

  private:
    static int64_t nice_time_step(int64_t span_ns);
    double end_ = 0;
};

int64_t NowTicker::nice_time_step(int64_t span_ns) {
    for (const int64_t seconds : {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400})
        if (span_ns / kMaxGridlines <= seconds * 1'000'000'000) return seconds * 1'000'000'000;
    return span_ns / kMaxGridlines;
}

void style_axis(QCPAxis& axis, const Theme& theme, bool zero_line) {
    axis.setBasePen(zero_line ? QPen(theme.color("line.axis")) : QPen(Qt::NoPen));
    axis.setTickPen(Qt::NoPen);
    axis.setSubTickPen(Qt::NoPen);
    axis.setTickLength(0);
    axis.setTickLabelFont(theme.numbers("small"));
    axis.setTickLabelColor(theme.color("text.secondary"));
    axis.setTickLabelPadding(theme.scaled(6));
    axis.setLabelFont(theme.words("small"));
    axis.setLabelColor(theme.color("text.secondary"));
    axis.grid()->setPen(QPen(theme.color("line.grid")));
    axis.grid()->setZeroLinePen(QPen(theme.color(zero_line ? "line.grid" : "line.axis")));
    axis.grid()->setSubGridVisible(false);
}

}  // namespace

QCustomPlot* make_plot(Theme* theme, QWidget* parent) {
    auto* plot = new QCustomPlot(parent);
    // With the hint every queued replot still repaints at once, which flushes the whole window once a plot.
    plot->setPlottingHint(QCP::phImmediateRefresh, false);
    plot->setNotAntialiasedElements(QCP::aeAll);
    plot->setAntialiasedElement(QCP::aePlottables, false);
    plot->setNoAntialiasingOnDrag(true);
    plot->axisRect()->setMinimumMargins(QMargins(0, 0, 0, 0));
    plot->plotLayout()->setRowSpacing(0);
    restyle(*plot, *theme);
    QObject::connect(theme, &Theme::changed, plot, [plot, theme] {
        restyle(*plot, *theme);
        plot->replot(QCustomPlot::rpQueuedReplot);
    });
    return plot;
}

void restyle(QCustomPlot& plot, const Theme& theme) {
    plot.setBackground(QBrush(theme.color("bg.panel")));
    for (QCPAxisRect* rect : plot.axisRects()) {
        for (QCPAxis* axis : rect->axes()) style_axis(*axis, theme, axis->orientation() == Qt::Horizontal);
    }
}

double nice_step(double top, int steps) {
    if (!(top > 0) || !std::isfinite(top)) return 1;
    const double rough = top / std::max(1, steps), power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 2.5, 5.0})
        if (rough <= factor * power * (1 + 1e-9)) return factor * power;
    return 10 * power;
}

void set_value_axis(QCPAxis& axis, double top, const QString& unit) {
    const double step = top == 100 ? 50 : nice_step(top, 2);
    axis.setTicker(QSharedPointer<ValueTicker>::create(top, step, unit));
    axis.setRange(0, top);
}

void set_now_axis(QCPAxis& axis, telemetry::TimeRange window) {
    axis.setTicker(QSharedPointer<NowTicker>::create());
    axis.setRange(double(window.begin_ns) / 1e9, double(window.end_ns) / 1e9);
}

void spread_labels(std::span<LabelSlot> labels, double left, double right) {
    std::sort(labels.begin(), labels.end(),
              [](const LabelSlot& a, const LabelSlot& b) { return a.anchor < b.anchor; });
    for (LabelSlot& label : labels) label.centre = label.anchor;
    double limit = right;
    for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
        label->centre = std::min(label->centre, limit - label->width / 2);
        limit = label->centre - label->width / 2;
    }
    limit = left;
    for (LabelSlot& label : labels) {
        label.centre = std::max(label.centre, limit + label.width / 2);
        limit = label.centre + label.width / 2;
    }
}

}  // namespace pitwall::panels
