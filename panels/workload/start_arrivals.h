// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/common/panel.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

/// What a chart shows where there is nothing yet: the sentence, and a button that starts the arrivals (none in a
/// replay, which cannot).
EmptyState* make_empty_state(const PanelContext& context, const QString& sentence, QWidget* parent);

}  // namespace pitwall::panels
