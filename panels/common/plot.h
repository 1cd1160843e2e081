// SPDX-License-Identifier: GPL-3.0-or-later
//
// QCustomPlot in the theme's clothes, and what look.md, section 4 draws over an axis rectangle. qcustomplot.h
// costs ten seconds of compile time, so it stays in .cpp files.
#pragma once

#include <QString>
#include <cstdint>
#include <span>
#include <vector>

#include "panels/common/theme.h"
#include "telemetry/store/store.h"

class QCustomPlot;
class QCPAxis;
class QCPAxisRect;

namespace pitwall::panels {

/// A plot with one axis rectangle: queued refreshes, no antialiasing of bars, fonts and colours of the theme,
/// which it follows by itself. Replot with `plot->replot(QCustomPlot::rpQueuedReplot)`.
QCustomPlot* make_plot(Theme* theme, QWidget* parent);

/// Colours, fonts and grid of every axis rectangle again; make_plot() calls it on a change of theme. Call it
/// after you added an axis rectangle.
void restyle(QCustomPlot& plot, const Theme& theme);

/// The least 1, 2, 2.5, 5 x 10^n step such that `top` needs at most `steps` of them.
double nice_step(double top, int steps);

/// From zero to `top` with at most 3 ticks, the highest of which carries `unit` ("100 %"). Thousands as "20 k" from 10,000 on.
void set_value_axis(QCPAxis& axis, double top, const QString& unit);

/// Keys are session seconds; the ticks count back from the right edge: "\u2212120 s" to "now".
void set_now_axis(QCPAxis& axis, telemetry::TimeRange window);

/// Where a label of `width` goes that would like to be centred at `anchor`.
struct LabelSlot {
    double anchor = 0, width = 0, centre = 0;
};
/// Sets the centres, in order of anchors, so that none overlaps within [left, right] where that is possible.
void spread_labels(std::span<LabelSlot> labels, double left, double right);

/// A line of one percentile; `text` stands on top ("p95 470 ms"). `faint` for too few samples.
struct PercentileLine {
    double value = 0;
    QString text;
    bool faint = false;
};
struct SloLine {
    double value = 0;
    QString text, missed;  ///< "SLO 400 ms", "6.7 % missed"
};
/// A knob change; `duration` is drawn as a band (drains and conversions), in units of the key axis.
struct ChangeMark {
    double key = 0, duration = 0;
    uint32_t number = 0;
};
/// What lies over the plots of one axis rectangle. Owned by the plot; lives as long as the axis rectangle.
class PlotOverlay {
  public:
    /// `pins`: numbers stand above the rectangle (only the topmost of a column has them).
    static PlotOverlay* over(QCPAxisRect* rect, const Theme* theme, bool pins = true);

    virtual ~PlotOverlay() = default;
    virtual void set_changes(std::vector<ChangeMark> changes) = 0;
    virtual void set_percentiles(std::vector<PercentileLine> percentiles) = 0;
    virtual void set_slo(const SloLine& slo) = 0;  ///< one with an empty text takes it away
    /// The ringed dot of the selected request on the zero line; NaN takes it away.
    virtual void set_selected(double key, const QColor& color) = 0;
    /// Full-height line of the selected step or of the cursor; NaN takes it away.
    virtual void set_cursor(double key) = 0;
    /// The change number under a pixel of the plot widget, 0 for none.
    virtual uint32_t change_at(QPointF position) const = 0;
    /// True when the pixel is within reach of the SLO line, for dragging it.
    virtual bool slo_at(QPointF position) const = 0;
};

}  // namespace pitwall::panels
