// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>

#include "panels/common/panel.h"
#include "panels/common/widgets.h"
#include "tests/panels/support/fake_control.h"
#include "tests/panels/support/told.h"

namespace pitwall::testing {

/// What a window gives its panels.
struct Desk {
    explicit Desk(panels::Theme::Mode mode = panels::Theme::Mode::kDark) : theme(mode) {
        qApp->setStyleSheet(panels::style_sheet(theme));
        qApp->setPalette(panels::palette_of(theme));
    }
    panels::PanelContext context(bool replay = false) {
        return {&told.store, &control, &selection, &range, &theme, replay};
    }

    Told told;
    FakeControl control;
    panels::SelectionModel selection;
    panels::RangeModel range;
    panels::Theme theme;
};

}  // namespace pitwall::testing
