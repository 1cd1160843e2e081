// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real window over a session whose events the test publishes itself.
#pragma once

#include <QSignalSpy>
#include <QTest>
#include <algorithm>

#include "app/window/main_window.h"
#include "tests/app/window/fake_session.h"

namespace pitwall::testing {

using app::MainWindow;

inline telemetry::Event mark(telemetry::MarkKind kind, int64_t t_ns) {
    telemetry::Event event;
    event.kind = telemetry::EventKind::kMark;
    event.mark = {};
    event.mark.mark = kind;
    event.t_ns = t_ns;
    return event;
}

struct Opened {
    /// `changes`: when the recording of a replay has a change of a knob each.
    explicit Opened(bool replay = false, const std::vector<int64_t>& changes = {}) : window(&theme, nullptr) {
        for (const int64_t t_ns : changes) {
            telemetry::KnobEvent event{};
            event.origin = telemetry::KnobOrigin::kUser;
            outside.replay.changes.push_back({uint32_t(outside.replay.changes.size() + 1), t_ns, event});
        }
        window.resize(1280, 800);
        window.show();
        QSignalSpy opened(&window, &MainWindow::opened);
        window.open(fake_source(&outside, replay));
        if (!QTest::qWaitFor([&] { return opened.size() == 1; }, 5000)) qFatal("the session did not open");
    }
    telemetry::Producer& producer() { return static_cast<FakeSession*>(window.session())->producer(); }
    void publish(telemetry::Event event) { producer().publish(event); }
    bool asked(std::string_view what) const {
        const std::vector<std::string>& all = outside.control.asked;
        return std::any_of(all.begin(), all.end(),
                           [&](const std::string& one) { return one.starts_with(what); });
    }
    FakeSession::Outside outside;  // before the window, which stops the session as it goes
    panels::Theme theme;
    MainWindow window;
};

}  // namespace pitwall::testing
