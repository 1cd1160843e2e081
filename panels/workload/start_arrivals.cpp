// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {

EmptyState* make_empty_state(const PanelContext& context, const QString& sentence, QWidget* parent) {
    const QString button = context.replay ? QString() : QStringLiteral("Start arrivals");
    telemetry::Control* control = context.control;
    auto* state = new EmptyState(
        context.theme, sentence, button, [control] { (void)control->set_knob("workload_running", "true"); },
        parent);
    state->hide();
    return state;
}

}  // namespace pitwall::panels
