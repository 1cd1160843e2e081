// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QTest>
#include <memory>

#include "app/window/answer_box.h"
#include "app/window/control_relay.h"
#include "app/window/drawing_budget.h"
#include "app/window/frame_clock.h"
#include "app/window/layout_plan.h"
#include "app/window/panel_refresher.h"
#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"

using namespace pitwall;
using namespace pitwall::app;

namespace {

telemetry::Event mark(int64_t t_ns) {
    telemetry::Event event;
    event.kind = telemetry::EventKind::kMark;
    event.mark = {};
    event.mark.mark = telemetry::MarkKind::kSingleStep;
    event.t_ns = t_ns;
    return event;
}

telemetry::Event knob(int64_t t_ns) {
    telemetry::Event event = mark(t_ns);
    event.kind = telemetry::EventKind::kKnob;
    event.knob = {};
    event.knob.origin = telemetry::KnobOrigin::kUser;
    return event;
}

struct Line {
    explicit Line(size_t capacity)
        : reader(bus.add_reader(telemetry::Overflow::kDrop, capacity)), producer(bus.add_producer()) {}
    void publish(telemetry::Event event) { producer->publish(event); }
    telemetry::Bus bus;
    std::shared_ptr<telemetry::Reader> reader;
    std::shared_ptr<telemetry::Producer> producer;
};

class CountingPanel : public panels::Panel {
  public:
    CountingPanel(panels::PanelContext context, int hz) : Panel(context), hz_(hz) { resize(40, 40); }
    QString id() const override { return QStringLiteral("counting"); }
    QString title() const override { return QStringLiteral("Counting"); }
    int refresh_hz() const override { return hz_; }
    void refresh() override {
        ++count;
        if (spend) spend();
    }
    int count = 0;
    std::function<void()> spend;

  private:
    int hz_;
};

/// What a panel wants to know of its window.
struct Surroundings {
    telemetry::Store store;
    panels::SelectionModel selection;
    panels::RangeModel range;
    panels::Theme theme;
    ControlRelay relay;
    panels::PanelContext context{&store, &relay, &selection, &range, &theme, false};
};

constexpr int64_t kMs = 1'000'000;

}  // namespace

class FrameClockTest : public QObject {
    Q_OBJECT
  private slots:
    void a_tick_keeps_to_its_budget_and_the_rest_follows() {
        telemetry::Store store;
        FrameClock clock(&store);
        Line line(1 << 16);
        clock.set_reader(line.reader);
        int64_t now = 0;
        clock.set_now([&] { return now += kMs; });  // each look at the clock costs a millisecond
        constexpr size_t kEvents = 20 * FrameClock::kChunkEvents;
        for (size_t i = 0; i < kEvents; ++i) line.publish(mark(int64_t(i)));
        QSignalSpy frames(&clock, &FrameClock::frame_ready);
        const Frame first = clock.tick();
        QVERIFY(first.more);
        QCOMPARE(first.events, 4 * FrameClock::kChunkEvents);
        size_t events = first.events;
        int ticks = 1;
        while (events < kEvents) {
            const Frame frame = clock.tick();
            QVERIFY(frame.drain_ns <= FrameClock::kBudgetNs + 2 * kMs);
            events += frame.events;
            ++ticks;
        }
        QCOMPARE(events, kEvents);
        QCOMPARE(store.events_applied(), uint64_t{kEvents});
        QCOMPARE(store.now_ns(), int64_t(kEvents) - 1);
        QCOMPARE(frames.size(), ticks);  // one signal a frame, however many events
        QVERIFY(!clock.tick().more);
    }
    void drops_are_counted_and_told_to_the_store() {
        telemetry::Store store;
        FrameClock clock(&store);
        Line line(256);
        clock.set_reader(line.reader);
        for (int i = 0; i < 1000; ++i) line.publish(mark(i));
        const Frame frame = clock.tick();
        QVERIFY(frame.dropped > 0);
        QCOMPARE(frame.events + frame.dropped, size_t{1000});
        QCOMPARE(store.events_dropped(), frame.dropped);
        QVERIFY(store.incomplete());
        QCOMPARE(clock.tick().dropped, uint64_t{0});
    }
    void a_knob_is_noticed() {
        telemetry::Store store;
        FrameClock clock(&store);
        Line line(256);
        clock.set_reader(line.reader);
        line.publish(mark(1));
        QVERIFY(!clock.tick().knob_changed);
        line.publish(knob(2));
        QVERIFY(clock.tick().knob_changed);
    }
    void without_a_session_it_just_ticks() {
        telemetry::Store store;
        FrameClock clock(&store);
        QCOMPARE(clock.tick().events, size_t{0});
    }

    void panels_refresh_at_their_own_rate() {
        Surroundings around;
        CountingPanel quick(around.context, 10), slow(around.context, 4), hidden(around.context, 60);
        quick.show();
        slow.show();
        int64_t now = 0;
        PanelRefresher refresher([&] { return now; });
        for (CountingPanel* panel : {&quick, &slow, &hidden}) refresher.add(panel);
        for (; now < 2'000 * kMs; now += 16 * kMs) {
            refresher.mark_dirty();
            refresher.tick();
        }
        QVERIFY2(quick.count >= 18 && quick.count <= 22, qPrintable(QString::number(quick.count)));
        QVERIFY2(slow.count >= 7 && slow.count <= 10, qPrintable(QString::number(slow.count)));
        QCOMPARE(hidden.count, 0);
        const int before = slow.count;
        for (; now < 3'000 * kMs; now += 16 * kMs) refresher.tick();  // nothing came
        QVERIFY(slow.count <= before + 1);
        refresher.mark_urgent();
        now += 1;
        const int settled = slow.count;
        refresher.tick();
        QCOMPARE(slow.count, settled + 1);  // a knob's marker does not wait for the panel's turn
        refresher.set_boost(true);
        const int unboosted = slow.count;
        for (const int64_t end = now + 1'000 * kMs; now < end; now += 16 * kMs) {
            refresher.mark_dirty();
            refresher.tick();
        }
        QVERIFY2(slow.count - unboosted >= 28, qPrintable(QString::number(slow.count - unboosted)));
    }
    void slow_panels_share_the_frames() {
        Surroundings around;
        int64_t now = 0;
        std::vector<std::unique_ptr<CountingPanel>> made;
        PanelRefresher refresher([&] { return now; });
        for (int i = 0; i < 6; ++i) {
            made.push_back(std::make_unique<CountingPanel>(around.context, 4));
            made.back()->spend = [&now] { now += 10 * kMs; };
            made.back()->show();
            refresher.add(made.back().get());
        }
        QCOMPARE(refresher.tick(), 1);  // ten milliseconds of drawing are enough for one frame
        for (int i = 0; i < 5; ++i) refresher.tick();
        for (const auto& panel : made) QCOMPARE(panel->count, 1);
    }

    void drawing_keeps_to_a_share_of_a_core_data() {
        QTest::addColumn<int>("cores");
        for (const int cores : {2, 4, 64}) QTest::addRow("%d cores", cores) << cores;
    }
    void drawing_keeps_to_a_share_of_a_core() {
        QFETCH(int, cores);
        for (const int64_t frame_ms : {1, 30, 200, 3'000}) {
            DrawingBudget budget(static_cast<unsigned>(cores));
            int64_t now = 0, drawn = 0, longest_wait = 0, last = 0;
            while (now < 60'000 * kMs) {
                now += 16 * kMs;
                budget.spend(0, now);
                if (budget.exhausted()) continue;
                longest_wait = std::max(longest_wait, now - last);
                now += frame_ms * kMs;
                budget.spend(frame_ms * kMs, now);
                last = now;
                ++drawn;
            }
            const double share = double(drawn * frame_ms) / 60'000;
            if (frame_ms == 1) QVERIFY(longest_wait <= 16 * kMs);  // what is cheap is never held up
            if (frame_ms == 30) QVERIFY(share > 0.8 * budget.share());
            if (frame_ms <= 30) QVERIFY(share < 1.1 * budget.share());
            QVERIFY(longest_wait <= DrawingBudget::kLongestWaitNs + 32 * kMs);  // what is dear is still drawn
        }
    }

    void the_share_grows_with_the_machine() {
        QCOMPARE(DrawingBudget(2).share(), 0.06);
        QCOMPARE(DrawingBudget(64).share(), DrawingBudget::kMostShare);
        QVERIFY(DrawingBudget(0).share() > 0);  // the system does not know
    }

    void other_work_does_not_hold_up_drawing_for_ever_data() {
        QTest::addColumn<int64_t>("picture_ms");
        QTest::addColumn<int64_t>("wait_ms");
        QTest::addRow("cheap pictures") << int64_t{0} << DrawingBudget::kShortestWaitNs / kMs;
        QTest::addRow("pictures") << int64_t{20} << int64_t{400};  // what half of 0.12 earns 24 ms in
        QTest::addRow("dear pictures") << int64_t{200} << DrawingBudget::kLongestWaitNs / kMs;
    }
    void other_work_does_not_hold_up_drawing_for_ever() {
        QFETCH(int64_t, picture_ms);
        QFETCH(int64_t, wait_ms);
        DrawingBudget budget(4);
        int64_t now = 0, last = 0, longest_wait = 0, used = 0;
        while (now < 60'000 * kMs) {
            now += 16 * kMs;
            budget.spend(used + 4 * kMs, now);  // a quarter of a core, whatever is drawn
            used = 0;
            if (budget.exhausted()) continue;
            longest_wait = std::max(longest_wait, now - last);
            now += picture_ms * kMs;
            used = picture_ms * kMs;
            last = now;
        }
        QVERIFY(now - last < 2 * wait_ms * kMs);
        QVERIFY2(longest_wait >= (wait_ms - 32) * kMs && longest_wait <= (wait_ms + 32) * kMs,
                 qPrintable(QString::number(longest_wait / kMs)));
    }

    void saving_leaves_what_one_waits_for() {
        int64_t now = 0;
        Surroundings around;
        CountingPanel panel(around.context, 10);
        panel.show();
        PanelRefresher refresher([&] { return now; });
        refresher.add(&panel);
        refresher.tick();
        refresher.set_saving(true);
        const auto refreshes_later = [&] {
            refresher.mark_dirty();
            now += 1'000 * kMs;
            return refresher.tick();
        };
        QCOMPARE(refreshes_later(), 0);
        refresher.mark_urgent();
        QCOMPARE(refresher.tick(), 1);
        refresher.set_boost(true);
        QCOMPARE(refreshes_later(), 1);
        refresher.set_boost(false);
        QCOMPARE(refreshes_later(), 0);
        refresher.set_saving(false);
        QCOMPARE(refresher.tick(), 1);
    }

    void a_busy_thread_is_seen() {
        const int64_t before = thread_cpu_ns();
        QVERIFY(before > 0);
        const int64_t give_up = steady_ns() + 20'000 * kMs;
        while (thread_cpu_ns() - before < 2 * kMs && steady_ns() < give_up) {
        }
        QVERIFY(thread_cpu_ns() - before >= 2 * kMs);
    }

    void refusals_are_told_in_words() {
        ControlRelay relay;
        AnswerBox box;
        box.expect(QStringLiteral("Pause"), relay.pause());
        std::promise<telemetry::Answer> late;
        box.expect(QStringLiteral("Step"), late.get_future());
        QStringList said;
        box.poll([&](const QString& sentence, bool refused) {
            QVERIFY(refused);
            said << sentence;
        });
        QCOMPARE(said.size(), 1);
        QVERIFY(said[0].startsWith(u"Pause: no session is running"));
        QCOMPARE(box.size(), size_t{1});
        { const auto broken = std::move(late); }  // the session went away without an answer
        box.poll([&](const QString& sentence, bool) { said << sentence; });
        QCOMPARE(said.size(), 2);
        QCOMPARE(box.size(), size_t{0});
    }

    void plans_fill_their_area_at_any_size() {
        for (const QSize window :
             {QSize(900, 560), QSize(1280, 800), QSize(1600, 1000), QSize(2560, 1440), QSize(3840, 2160)})
            for (const double scale : {0.8, 1.0, 1.35, 2.0}) {
                const QSize area(window.width() - 8, window.height() - 200);
                const LayoutPlan plan = plan_layout(window, area, 4, scale);
                int width = 4 * (int(plan.columns.size()) - 1);
                QStringList seen;
                for (const Column& column : plan.columns) {
                    width += column.width;
                    QVERIFY(column.width > 100);
                    int height = 4 * (int(column.places.size()) - 1);
                    for (const Place& place : column.places) {
                        height += place.height;
                        for (const QString& panel : place.panels) seen << panel;
                    }
                    QCOMPARE(height, area.height());
                }
                QCOMPARE(width, area.width());
                QCOMPARE(seen.removeDuplicates(), 0);
                QCOMPARE(seen.size(), 14);  // every panel has a place
            }
    }
    void plans_are_those_of_the_design() {
        const LayoutPlan plan = plan_layout({1600, 1000}, {1592, 800}, 4, 1);
        QCOMPARE(plan.columns[0].width, 264);
        QCOMPARE(plan.columns[1].width, 920);
        QCOMPARE(plan.columns[2].width, 400);
        QCOMPARE(plan_layout({1280, 800}, {1272, 600}, 4, 1).columns[1].width, 680);
    }
};

QTEST_MAIN(FrameClockTest)
#include "tst_frame_clock.moc"
