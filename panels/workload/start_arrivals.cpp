// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {

EmptyState* make_empty_state(const PanelContext& context, const QString& sentence, QWidget* parent) {
    const QString button = QStringLiteral("Start arrivals");
    telemetry::Control* control = context.control;
    auto* state = new EmptyState(
        context.theme, sentence, button, [control] { (void)control->set_knob("workload_running", "true"); },
        parent);
    state->hide();
    return state;
}

void show_empty_state(EmptyState& state, const PanelContext& context, bool empty) {
    state.setVisible(empty);
    if (empty) state.offer(!context.replay && context.store->knob_value("workload_running", 0) == 0);
}

}  // namespace pitwall::panels
