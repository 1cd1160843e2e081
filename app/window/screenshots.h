// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "app/window/main_window.h"
#include "telemetry/base/result.h"

namespace pitwall::app {

/// Makes the folder if need be, and refuses where a picture would replace a file, which it may with `overwrite` alone.
/// To be asked before the session runs for nothing.
Status prepare_screenshots(MainWindow& window, const QString& folder, bool overwrite);

/// window.png and <panel id>.png for every panel (its dock, title included) into `folder`. Panels behind a tab are brought
/// to the front for their picture.
Status take_screenshots(MainWindow& window, const QString& folder);

}  // namespace pitwall::app
