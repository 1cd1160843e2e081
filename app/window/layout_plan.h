// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which panel goes where at which size of window (look.md, section 3). Plain numbers, so that it is tested
// without one.
#pragma once

#include <QSize>
#include <QString>
#include <vector>

namespace pitwall::app {

/// One place in a column; several ids share it as tabs, the first is in front.
struct Place {
    std::vector<QString> panels;
    int height = 0;  ///< px, title included
};
struct Column {
    int width = 0;  ///< px
    std::vector<Place> places;
};
struct LayoutPlan {
    std::vector<Column> columns;
    int figures = 7;  ///< tiles
    bool sparklines = true;
};

/// `area` is what is left for docks; widths and heights fill it exactly, gutters of `gutter` px between
/// included. `scale` is the theme's: larger type needs wider columns.
LayoutPlan plan_layout(QSize window, QSize area, int gutter, double scale);

}  // namespace pitwall::app
