// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a window gives its panels, over a store that a scene feeds.
#pragma once

#include "panels/common/panel.h"
#include "tests/panels/support/fake_control.h"
#include "tests/panels/support/scene.h"

namespace pitwall::testing {

struct SceneDesk {
    telemetry::Store store;
    FakeControl control;
    panels::SelectionModel selection;
    panels::RangeModel range;
    panels::Theme theme;

    explicit SceneDesk(panels::Theme::Mode mode = panels::Theme::Mode::kDark) : theme(mode) {}
    panels::PanelContext context() { return {&store, &control, &selection, &range, &theme, false}; }
    void feed(Scene& scene, double seconds) { store.apply(scene.run(seconds)); }
    /// Among those that decode now, the one with the longest answer.
    RequestId longest_running() const {
        RequestId best = kNoRequest;
        uint32_t tokens = 0;
        for (const auto& [id, row] : store.requests())
            if (!row.ended() && row.output_tokens > tokens) tokens = row.output_tokens, best = id;
        return best;
    }
};

}  // namespace pitwall::testing
