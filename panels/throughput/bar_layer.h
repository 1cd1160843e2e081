// SPDX-License-Identifier: GPL-3.0-or-later
//
// Includes qcustomplot.h, which costs ten seconds of compile time: for .cpp files only.
#pragma once

#include <qcustomplot.h>

#include <vector>

namespace pitwall::panels {

/// Rectangles between two keys and two values, on whole pixels with one pixel between neighbours: QCPBars rounds the
/// gaps unevenly at these widths. Lies below the graphs. Owned by the plot.
class BarLayer : public QCPLayerable {
  public:
    struct Bar {
        double key_from, key_to, value_from, value_to;
        QBrush brush;
    };
    explicit BarLayer(QCPAxisRect* rect, int gap_px = 1);
    std::vector<Bar> bars;

  protected:
    QRect clipRect() const override { return rect_->rect(); }
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override;

  private:
    QCPAxisRect* rect_;
    int gap_px_;
};

}  // namespace pitwall::panels
