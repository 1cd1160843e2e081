// SPDX-License-Identifier: GPL-3.0-or-later
//
// A panel as a user has it: pointer and keys in, selections and commands out.
#pragma once

#include <gtest/gtest.h>

#include <QTest>
#include <QWheelEvent>
#include <memory>

#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {

class Widgets : public ::testing::Test {
  protected:
    Widgets() : scene_({.arrivals_per_s = 6}) { top_.feed(scene_, 20); }
    template <class PanelType>
    std::unique_ptr<PanelType> open(QSize size) {
        auto panel = std::make_unique<PanelType>(top_.context());
        panel->resize(size);
        panel->show();
        panel->activateWindow();
        panel->refresh();
        QTest::qWait(10);
        return panel;
    }
    static void wheel(QWidget* widget, QPoint at, int turns) {
        QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, 120 * turns}, Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(widget, &event);
    }
    SceneDesk top_;
    Scene scene_;
};

}  // namespace pitwall::testing
