// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "panels/common/paint.h"
#include "panels/common/plot.h"
#include "panels/throughput/caption.h"

class QCPAxis;
class QCPAxisRect;
class QCustomPlot;

namespace pitwall::panels {

/// Room around the plot of one strip, in pixels at scale 1.
struct StripGeometry {
    double above = 22, below = 4;
    double height = 0;         ///< of the plot itself; 0 takes what is left, shared among those
    double caption_lift = 14;  ///< from the plot's top up to the caption's baseline
    double right = 14;
};

/// A tick label where the axis' own would not do. `ends_here`: right-aligned at the plot's right edge.
struct AxisLabel {
    double key = 0;
    QString text;
    bool ends_here = false;
};

/// Plots one above the other in one QCustomPlot, each with a caption and the marks of PlotOverlay, in the places
/// that look.md gives them. Strips share the mouse and the keyboard.
class StripChart : public QWidget {
    Q_OBJECT
  public:
    StripChart(Theme* theme, std::span<const StripGeometry> strips, QWidget* parent = nullptr);
    ~StripChart() override;

    QCustomPlot& plot() const { return *plot_; }
    QCPAxisRect* strip(size_t index) const { return strips_[index].rect; }
    QCPAxis* x_axis(size_t index) const;
    QCPAxis* y_axis(size_t index) const;
    PlotOverlay& overlay(size_t index) const { return *strips_[index].overlay; }
    void set_caption(size_t index, Caption caption);
    /// Labels below the strip instead of the axis' own.
    void set_x_labels(size_t index, std::vector<AxisLabel> labels);
    void set_strip_visible(size_t index, bool visible);
    bool strip_visible(size_t index) const { return strips_[index].visible; }
    /// The strip under a pixel of this widget, captions and axes included; nothing outside of all.
    std::optional<size_t> strip_at(QPointF position) const;
    /// The key (the x axis' unit) at a pixel of this widget, held within the axis.
    double key_at(size_t index, double x) const;
    double pixel_of(size_t index, double key) const;
    /// What the card beside `at` says; it shows 250 ms after the mouse came to rest. An empty title takes it away.
    void set_card(const HoverCard& card, QRectF at);
    /// How high the plot of a visible strip is at the present size, before it is drawn.
    double plot_height(size_t index) const;
    void replot();

  signals:
    void moved(QPointF position);  ///< the mouse, with no button or while one is down
    void pressed(QPointF position);
    void released(QPointF position);
    void left();                  ///< the mouse
    void stepped(int direction);  ///< Left and Right keys; ten at a time with Shift
    void cancelled();             ///< Escape
    void resized();

  protected:
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    struct Strip {
        StripGeometry geometry;
        QCPAxisRect* rect = nullptr;
        PlotOverlay* overlay = nullptr;
        Caption caption;
        std::vector<AxisLabel> x_labels;
        bool visible = true;
    };
    class Captions;

    void place();
    void show_card();

    Theme* theme_;
    QCustomPlot* plot_;
    std::vector<Strip> strips_;
    HoverCard card_;
    QRectF card_at_;
    bool card_shown_ = false;
    QTimer card_timer_;
};

}  // namespace pitwall::panels
