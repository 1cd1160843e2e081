// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/bar_layer.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {

BarLayer::BarLayer(QCPAxisRect* rect, int gap_px)
    : QCPLayerable(rect->parentPlot(), QStringLiteral("main"), rect), rect_(rect), gap_px_(gap_px) {}

void BarLayer::draw(QCPPainter* painter) {
    const QCPAxis* x = rect_->axis(QCPAxis::atBottom);
    const QCPAxis* y = rect_->axis(QCPAxis::atLeft);
    for (const Bar& bar : bars) {
        const int left = int(std::lround(x->coordToPixel(bar.key_from)));
        const int right = int(std::lround(x->coordToPixel(bar.key_to))) - gap_px_;
        const int bottom = int(std::lround(y->coordToPixel(bar.value_from)));
        // Whatever is not zero shows, be it one pixel high.
        const int top = std::min(int(std::lround(y->coordToPixel(bar.value_to))),
                                 bar.value_to > bar.value_from ? bottom - 1 : bottom);
        painter->fillRect(QRect(left, top, std::max(1, right - left), bottom - top), bar.brush);
    }
}

}  // namespace pitwall::panels
