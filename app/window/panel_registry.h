// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "panels/common/panel.h"

namespace pitwall::app {

/// Every panel that docks, in the order of Ctrl 1 to Ctrl 9 and Ctrl 0. The parent owns them.
std::vector<panels::Panel*> make_panels(const panels::PanelContext& context, QWidget* parent);

}  // namespace pitwall::app
