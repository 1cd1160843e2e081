// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/common/panel.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

/// What a chart shows where there is nothing yet: the sentence, and a button that starts the arrivals (none in a
/// replay, which cannot).
EmptyState* make_empty_state(const PanelContext& context, const QString& sentence, QWidget* parent);

/// Shows it or not; its button only where it would do something: not in a replay, nor once arrivals run.
void show_empty_state(EmptyState& state, const PanelContext& context, bool empty);

}  // namespace pitwall::panels
