// SPDX-License-Identifier: GPL-3.0-or-later
//
// "Copy as CSV", "Copy as PNG" and "Save..." for every panel alike: the dock frame asks for the menu, no
// panel writes one.
#pragma once

#include <QImage>
#include <QString>
#include <functional>

#include "panels/common/panel.h"
#include "telemetry/base/result.h"

class QMenu;

namespace pitwall::panels {

/// The panel as it is drawn now, twice as many pixels for print.
QImage panel_image(Panel& panel, double pixel_ratio = 2);

/// By the ending of `path`: .csv the figures, .png the picture.
Status save_panel(Panel& panel, const QString& path);

/// Adds the three entries to `menu`; the panel must outlive it. `report` gets a sentence to show ("Saved
/// batch.csv").
void add_copy_actions(QMenu& menu, Panel& panel, const std::function<void(const QString&)>& report);

}  // namespace pitwall::panels
