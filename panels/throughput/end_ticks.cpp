// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/end_ticks.h"

#include <qcustomplot.h>

#include "panels/common/format.h"

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

}  // namespace pitwall::panels
