// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the window costs with eight panels in sight: share of one core that the GUI thread takes under a simulated
// engine's default workload, with the panels refreshed in that time beside it. One line of JSON; bench_soak
// looks at the memory.
//   bench_window [SECONDS [DEVICE [MODEL [KNOB=VALUE...]]]]    10 s on sim; MODEL is synthetic:tiny under sim, else ""
#include <QTest>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "bench/window/window_rig.h"

namespace {

using namespace pitwall;
using namespace pitwall::app;

double cpu_seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

/// The small layout with the tabs of its right column one below the other: eight panels at 1280 x 800.
void show_eight_panels(MainWindow& window, int gutter) {
    LayoutPlan plan = plan_layout(window.size(), window.docks().size(), gutter, 1);
    std::vector<Place>& right = plan.columns.back().places;
    if (right.back().panels.size() > 1) {
        Place tab{{right.back().panels.back()}, right.back().height / 2};
        right.back().panels.pop_back();
        right.back().height -= tab.height;
        right.push_back(tab);
    }
    window.docks().apply(plan);
}

int visible_panels(MainWindow& window) {
    int seen = 0;
    for (PanelDock* dock : window.docks().docks()) seen += in_sight(*dock->panel()) ? 1 : 0;
    return seen;
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
    SessionOptions options =
        bench::live_options(argc > 2 ? argv[2] : "sim", {argv + std::min(argc, 4), argv + argc});
    if (argc > 3) options.model = argv[3];
    bench::WindowRig rig(argc, argv, {1280, 800});
    if (!rig.open(options)) return 1;
    MainWindow& window = rig.window();
    QTest::qWait(500);  // the plan of its own comes first
    show_eight_panels(window, rig.theme().px("gutter"));
    QTest::qWait(2000);
    const double gui = cpu_seconds(CLOCK_THREAD_CPUTIME_ID), process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double wall = cpu_seconds(CLOCK_MONOTONIC);
    const uint64_t ticks = window.frame_clock().ticks(), drawn = window.refresher().refreshes(),
                   events = window.frame_clock().events();
    QTest::qWait(int(seconds * 1000));
    const double took = cpu_seconds(CLOCK_MONOTONIC) - wall;
    std::string each;
    for (PanelDock* dock : window.docks().docks())
        each += (each.empty() ? "\"" : ", \"") + dock->panel()->id().toStdString() +
                "\": " + std::to_string(window.refresher().refreshes_of(dock->panel()));
    std::printf(
        "{\"bench\": \"window\", \"platform\": \"%s\", \"size\": \"1280x800\", \"panels_visible\": %d, "
        "\"seconds\": %.1f, "
        "\"gui_thread_cores\": %.3f, \"process_cores\": %.3f, \"clock_ticks_per_s\": %.1f, "
        "\"panel_refreshes_per_s\": "
        "%.1f, "
        "\"events_per_s\": %.0f, \"dropped\": %llu, \"longest_drain_ms\": %.2f, "
        "\"refreshes\": {%s}}\n",
        qPrintable(QGuiApplication::platformName()), visible_panels(window), took,
        (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - gui) / took,
        (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process) / took,
        double(window.frame_clock().ticks() - ticks) / took,
        double(window.refresher().refreshes() - drawn) / took,
        double(window.frame_clock().events() - events) / took,
        static_cast<unsigned long long>(window.frame_clock().dropped()),
        double(window.frame_clock().longest_drain_ns()) / 1e6, each.c_str());
    return 0;
}
