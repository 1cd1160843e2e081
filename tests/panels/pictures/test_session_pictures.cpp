// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws each panel over one session in both themes and the sizes that the window gives it, keeps the pictures beside
// the test to be looked at, and checks what can be checked of a picture.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/changes/changes_panel.h"
#include "panels/knobs/knobs_panel.h"
#include "panels/latency/latency_panel.h"
#include "panels/prefix_cache/prefix_cache_panel.h"
#include "panels/throughput/throughput_panel.h"
#include "panels/workload/workload_panel.h"
#include "tests/panels/support/desk.h"
#include "tests/panels/support/panel_frame.h"
#include "tests/panels/support/picture.h"
#include "tests/panels/support/scene.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using presets::KnobId;

/// 200 s of the workload with three changes; made once for both themes where they share a process.
const std::vector<telemetry::Event>& session_events() {
    static const std::vector<telemetry::Event> events = [] {
        Scene scene({.seed = 18, .budget = 256, .max_seqs = 24, .arrivals_per_s = 4.2, .change_at_s = 118});
        return scene.run(200);
    }();
    return events;
}

class SessionPictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    SessionPictures() : desk_(GetParam()) {
        desk_.told.start(KnobId::kMaxNumSeqs, 24);
        tell_until(164'000);
        desk_.told.knob(164'000, KnobId::kLongPrefillTokenThreshold, 0, 64);
        tell_until(194'600);
        desk_.told.knob(194'600, KnobId::kNumKvBlocks, 2048, 3072);
        tell_until(1'000'000);
        for (const auto& [id, row] : desk_.told.store.requests())
            if (row.state == telemetry::RequestState::kDecode && row.output_tokens > 20)
                desk_.selection.select_request(id);
    }
    void tell_until(int64_t t_ms) {
        const std::vector<telemetry::Event>& events = session_events();
        size_t end = told_;
        while (end < events.size() && events[end].t_ns < t_ms * kMs) ++end;
        desk_.told.store.apply(std::span(events).subspan(told_, end - told_));
        told_ = end;
    }
    template <class P>
    Picture picture(QSize size, const char* what = "", const std::function<void(P&)>& prepare = {}) {
        auto* panel = new P(desk_.context());
        PanelFrame frame(panel, &desk_.theme);
        frame.resize(size);
        frame.show();
        panel->refresh();
        if (prepare) prepare(*panel);
        QTest::qWait(30);
        const Picture taken =
            take_picture(frame, QStringLiteral("%1%2-%3-%4x%5")
                                    .arg(panel->id(), QLatin1String(what), QLatin1String(name_of(GetParam())))
                                    .arg(size.width())
                                    .arg(size.height()));
        EXPECT_FALSE(taken.image.isNull()) << "not saved";
        return taken;
    }
    QColor colour(const char* token) const { return desk_.theme.color(token); }
    void latency();
    void prefix_cache();
    void throughput();
    void hover_over_a_change();
    void knobs();
    void changes();
    void workload();
    void empty();

    Desk desk_;
    size_t told_ = 0;
};

void SessionPictures::latency() {
    for (const QSize size : {QSize(400, 336), QSize(344, 300), QSize(480, 400), QSize(400, 222),
                             QSize(344, 150), QSize(344, 110)}) {
        const Picture image = picture<LatencyPanel>(size);
        if (size.height() > 200) {
            EXPECT_TRUE(image.holds(colour("work.prefill")));
        }
        if (size.height() > 300) {
            EXPECT_TRUE(image.holds(colour("work.decode")));
        }
    }
}

void SessionPictures::prefix_cache() {
    for (const QSize size : {QSize(400, 222), QSize(344, 300), QSize(480, 300), QSize(400, 140)})
        EXPECT_TRUE(picture<PrefixCachePanel>(size).holds(colour("work.cached")));
}

void SessionPictures::throughput() {
    for (const QSize size : {QSize(400, 234), QSize(344, 300), QSize(480, 300), QSize(400, 140)})
        EXPECT_TRUE(picture<ThroughputPanel>(size).holds(colour("work.decode")));
    picture<ThroughputPanel>({400, 234}, "-requests", [](ThroughputPanel& panel) {
        static_cast<SegmentedControl*>(panel.title_control())->set_current(1);
    });
}

void SessionPictures::hover_over_a_change() {
    picture<ThroughputPanel>({400, 234}, "-hover", [](ThroughputPanel& panel) {
        const int x = int(panel.chart().pixel_of(0, 164.0));
        QTest::mouseMove(panel.chart().findChild<QWidget*>(), {x, 60});
        QTest::qWait(300);
    });
    picture<PrefixCachePanel>({400, 222}, "-hover", [](PrefixCachePanel& panel) {
        QTest::mouseMove(panel.chart().findChild<QWidget*>(), {200, 60});
        QTest::qWait(300);
    });
}

void SessionPictures::knobs() {
    for (const QSize size : {QSize(264, 418), QSize(240, 400), QSize(320, 700)})
        EXPECT_TRUE(picture<KnobsPanel>(size).holds(colour("signal.accent")));
    desk_.control.next = {
        telemetry::Verdict::kRefused,
        "num_kv_blocks=9999 is above what kv_cache_memory_bytes holds: give 1 to 4,096 blocks", 0,
        kNoRequest};
    picture<KnobsPanel>({264, 418}, "-refused", [](KnobsPanel& panel) {
        emit panel.row(KnobId::kMaxNumBatchedTokens)->entered(QStringLiteral("512"));
        panel.row(KnobId::kMaxNumSeqs)->setFocus(Qt::TabFocusReason);
        panel.refresh();
    });
}

void SessionPictures::changes() {
    for (const QSize size : {QSize(264, 146), QSize(264, 300), QSize(400, 222)})
        EXPECT_TRUE(picture<ChangesPanel>(size).holds(colour("signal.accent_fill")));
}

void SessionPictures::workload() {
    for (const QSize size : {QSize(264, 228), QSize(240, 300), QSize(320, 300)}) picture<WorkloadPanel>(size);
}

void SessionPictures::empty() {
    Desk fresh(GetParam());
    for (Panel* panel : std::initializer_list<Panel*>{
             new LatencyPanel(fresh.context()), new PrefixCachePanel(fresh.context()),
             new ThroughputPanel(fresh.context()), new ChangesPanel(fresh.context()),
             new WorkloadPanel(fresh.context())}) {
        PanelFrame frame(panel, &fresh.theme);
        frame.resize(400, 222);
        frame.show();
        panel->refresh();
        QTest::qWait(20);
        const QString name =
            QStringLiteral("empty-%1-%2").arg(panel->id(), QLatin1String(name_of(GetParam())));
        EXPECT_GT(take_picture(frame, name).colours(), 5u) << name.toStdString();
    }
}

/// One case a theme: ctest gives each case a process of its own, and each would make the session again.
TEST_P(SessionPictures, AreDrawn) {
    latency();
    prefix_cache();
    throughput();
    hover_over_a_change();
    knobs();
    changes();
    workload();
    empty();
}

INSTANTIATE_TEST_SUITE_P(Themes, SessionPictures, ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(name_of(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
