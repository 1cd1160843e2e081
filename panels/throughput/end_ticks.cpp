// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/end_ticks.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>

#include "panels/common/format.h"
#include "panels/common/plot.h"

namespace pitwall::panels {

void set_end_ticks(QCPAxis& axis, double reach, double top) {
    auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    ticker->addTick(0, QStringLiteral("0"));
    if (top > 0)
        ticker->addTick(top,
                        top < 10 && top != int(top) ? format_three(top) : format_count_short(qRound64(top)));
    axis.setTicker(ticker);
    axis.setRange(0, reach * 1.05);
    axis.grid()->setVisible(false);
}

void set_count_axis(QCPAxis& axis, double top, double height_px) {
    constexpr double kLabelPx = 24;
    const double sane = top > 0 && std::isfinite(top) ? top : 1;
    const int steps = std::clamp(int(height_px / kLabelPx), 1, 4);
    const double step = std::max(nice_step(sane, steps), 1e-9), upper = std::ceil(sane / step - 1e-9) * step;
    const bool thousands = upper >= 10'000;
    auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    for (int i = 0; i * step <= upper * (1 + 1e-9); ++i) {
        const double shown = i * step / (thousands ? 1000 : 1);
        const int decimals = shown == std::floor(shown) ? 0 : 1;
        ticker->addTick(i * step, format_fixed(shown, decimals) +
                                      (thousands && i > 0 ? QStringLiteral(" k") : QString()));
    }
    axis.setTicker(ticker);
    axis.setRange(0, upper);
}

}  // namespace pitwall::panels
