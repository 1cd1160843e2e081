// SPDX-License-Identifier: GPL-3.0-or-later
//
// A window in sight with a live session in it, for the benchmarks that look at a whole console.
#pragma once

#include <QApplication>
#include <optional>
#include <span>
#include <string>

#include "app/window/main_window.h"

namespace pitwall::bench {

/// A session on `device` ("cpu", "sim", "sim:PROFILE") that keeps wall-clock time; `knobs` are words name=value. Ends the
/// program where one is wrong.
app::SessionOptions live_options(const std::string& device, std::span<char*> knobs);

class WindowRig {
  public:
    /// Drawn offscreen where there is no display.
    WindowRig(int argc, char** argv, QSize size);
    /// True once its first steps are in the store; else why not is told on stderr.
    [[nodiscard]] bool open(const app::SessionOptions& options);
    app::MainWindow& window() { return *window_; }
    const panels::Theme& theme() const { return *theme_; }

  private:
    int argc_;  ///< Qt keeps a reference
    std::optional<QApplication> application_;
    std::optional<panels::Theme> theme_;
    std::optional<app::MainWindow> window_;
};

}  // namespace pitwall::bench
