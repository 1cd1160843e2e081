// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "app/window/main_window.h"
#include "telemetry/base/result.h"

namespace pitwall::app {

/// window.png and <panel id>.png for every panel (its dock, title included) into `folder`, which is made if need be.
/// Panels behind a tab are brought to the front for their picture.
Status take_screenshots(MainWindow& window, const QString& folder);

}  // namespace pitwall::app
