// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/window/find_box.h"
#include "app/window/help_text.h"
#include "app/window/main_window.h"
#include "app/window/screenshots.h"
#include "panels/knobs/knobs_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "tests/window/fake_session.h"

using namespace pitwall;
using namespace pitwall::app;
using pitwall::testing::fake_source;
using pitwall::testing::FakeSession;

namespace {

using presets::KnobId;

telemetry::Event mark(telemetry::MarkKind kind, int64_t t_ns) {
    telemetry::Event event;
    event.kind = telemetry::EventKind::kMark;
    event.mark = {};
    event.mark.mark = kind;
    event.t_ns = t_ns;
    return event;
}

struct Opened {
    explicit Opened(bool replay = false) : window(&theme, nullptr) {
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

}  // namespace

class MainWindowTest : public QObject {
    Q_OBJECT
  private slots:
    void docks_share_the_window_without_overlap_data() {
        QTest::addColumn<QSize>("size");
        QTest::addColumn<double>("scale");
        QTest::newRow("small") << QSize(1280, 800) << 1.0;
        QTest::newRow("middle") << QSize(1600, 1000) << 1.0;
        QTest::newRow("large") << QSize(2560, 1440) << 1.0;
        QTest::newRow("teaching") << QSize(1920, 1080) << 1.35;
    }
    void docks_share_the_window_without_overlap() {
        QFETCH(QSize, size);
        QFETCH(double, scale);
        panels::Theme theme;
        theme.set_scale(scale);
        MainWindow window(&theme, nullptr);
        window.resize(size);
        window.show();
        QTest::qWait(100);
        QCOMPARE(window.size(), size);
        std::vector<std::pair<QString, QRect>> places;
        const auto note = [&](QWidget& widget, const QString& name) {
            places.emplace_back(name, QRect(widget.mapTo(&window, QPoint(0, 0)), widget.size()));
        };
        note(window.toolbar(), QStringLiteral("toolbar"));
        note(window.figures(), QStringLiteral("figures"));
        note(window.transport(), QStringLiteral("transport"));
        note(window.status(), QStringLiteral("status"));
        for (PanelDock* dock : window.docks().docks())
            if (!dock->visibleRegion().isEmpty()) note(*dock, dock->panel()->id());
        QVERIFY(places.size() >= 4 + 7);
        for (size_t a = 0; a < places.size(); ++a) {
            QVERIFY2(QRect(QPoint(0, 0), size).contains(places[a].second), qPrintable(places[a].first));
            for (size_t b = a + 1; b < places.size(); ++b)
                QVERIFY2(!places[a].second.intersects(places[b].second),
                         qPrintable(places[a].first + QStringLiteral(" over ") + places[b].first));
        }
    }
    void the_middle_layout_is_that_of_the_design() {
        panels::Theme theme;
        MainWindow window(&theme, nullptr);
        window.resize(1600, 1000);
        window.show();
        QTest::qWait(100);
        const auto width_of = [&](const char* id) { return window.docks().dock(QLatin1String(id))->width(); };
        QVERIFY2(std::abs(width_of("knobs") - 264) <= 4, qPrintable(QString::number(width_of("knobs"))));
        QVERIFY2(std::abs(width_of("batch") - 920) <= 8, qPrintable(QString::number(width_of("batch"))));
        QVERIFY2(std::abs(width_of("latency") - 400) <= 4, qPrintable(QString::number(width_of("latency"))));
        QCOMPARE(window.toolbar().height(), 40);
        QCOMPARE(window.figures().height(), 64);
        QCOMPARE(window.transport().height(), 56);
        QCOMPARE(window.status().height(), 24);
    }

    void loading_does_not_hold_the_window() {
        panels::Theme theme;
        FakeSession::Outside outside;
        MainWindow window(&theme, nullptr);
        window.show();
        window.open(fake_source(&outside, false, 400));
        QElapsedTimer longest;
        qint64 worst = 0;
        int turns = 0;
        while (window.loading()) {
            longest.restart();
            QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            worst = std::max(worst, longest.elapsed());
            ++turns;
            if (turns == 10) QCOMPARE(window.source_state().kind, SourceState::Kind::kLoading);
            QTest::qSleep(2);
        }
        QVERIFY2(worst < 350,
                 qPrintable(QString::number(worst)));  // it never waited for the thread that loads
        QVERIFY(turns > 10);
        QCOMPARE(outside.started, 1);
        QTest::qWait(150);
        QCOMPARE(window.source_state().kind, SourceState::Kind::kLive);
        QCOMPARE(window.source_state().name, QStringLiteral("Fake-1B"));
    }
    void the_stage_is_told_in_words() {
        QCOMPARE(progress_sentence({"Reading weights", 61'000'000, 98'000'000}),
                 QStringLiteral("Reading weights, 61 of 98 MB"));
        QCOMPARE(progress_sentence({"Packing layers", 3, 30}), QStringLiteral("Packing layers, 3 of 30"));
        QCOMPARE(progress_sentence({"Opening", 0, 0}), QStringLiteral("Opening"));
    }
    void closing_while_loading_or_running_is_clean() {
        panels::Theme theme;
        FakeSession::Outside outside;
        {
            MainWindow window(&theme, nullptr);
            window.show();
            window.open(fake_source(&outside, false, 200));
            window.close();
        }
        QCOMPARE(outside.started, 0);
        {
            MainWindow window(&theme, nullptr);
            window.show();
            QSignalSpy opened(&window, &MainWindow::opened);
            window.open(fake_source(&outside));
            QVERIFY(opened.wait(5000));
            window.close();
        }
        QCOMPARE(outside.stopped, 1);
    }
    void a_session_that_cannot_be_opened_is_told() {
        panels::Theme theme;
        FakeSession::Outside outside;
        MainWindow window(&theme, nullptr);
        window.show();
        QSignalSpy failed(&window, &MainWindow::failed);
        Source source;
        source.open = [](const ProgressFn&) -> SessionLoader::Opened {
            return Error{"no model x.gguf", "name one with --model"};
        };
        window.open(source);
        QVERIFY(failed.wait(5000));
        QCOMPARE(window.source_state().kind, SourceState::Kind::kFailed);
        QCOMPARE(window.failure(), QStringLiteral("no model x.gguf: name one with --model"));
        QVERIFY(window.failure_note() != nullptr);  // over the panels, in full
        QCOMPARE(window.failure_note()->findChild<QLabel*>(QStringLiteral("failure"))->text(),
                 window.failure());
        QVERIFY(window.failure_note()->isVisible());
        QCOMPARE(window.failure_note()->size(), window.docks().size());
        auto* words = window.failure_note()->findChild<QLabel*>(QStringLiteral("failure"));
        words->setText(words->text().repeated(5));
        QTest::qWait(20);
        QVERIFY(words->height() >= words->heightForWidth(words->width()));                  // no line is lost
        QTest::keyClick(window.failure_note()->findChild<QPushButton*>(), Qt::Key_Return);  // Try again
        QVERIFY(failed.wait(5000));
        QCOMPARE(failed.size(), 2);
        QSignalSpy opened(&window, &MainWindow::opened);
        window.open(fake_source(&outside));
        QVERIFY(opened.wait(5000));
        QVERIFY(window.failure_note() == nullptr);
    }
    void a_button_without_an_engine_says_so() {
        panels::Theme theme;
        MainWindow window(&theme, nullptr);
        window.show();
        auto* flush = window.findChild<QPushButton*>(QStringLiteral("flush_prefix_cache"));
        QTest::mouseClick(flush, Qt::LeftButton);
        QVERIFY(window.status().facts().message.startsWith(u"No session is running"));
        QVERIFY(window.status().facts().message_bad);
    }
    void a_session_that_throws_is_told_as_well() {
        panels::Theme theme;
        MainWindow window(&theme, nullptr);
        QSignalSpy failed(&window, &MainWindow::failed);
        Source source;
        source.open = [](const ProgressFn&) -> SessionLoader::Opened { throw std::bad_alloc(); };
        window.open(source);
        QVERIFY(failed.wait(5000));
        QVERIFY(window.failure().contains(u"cannot be opened"));
    }

    void the_keys_reach_the_engine() {
        Opened opened;
        // A source that has not told its state yet is asked for it first, at a moment of the window's choosing.
        const auto asked = [&] {
            std::vector<std::string> commands = opened.outside.control.asked;
            std::erase(commands, "keyframe");
            return commands;
        };
        QTest::keyClick(&opened.window, Qt::Key_Space);
        QTest::keyClick(&opened.window, Qt::Key_Period);
        QVERIFY(QTest::qWaitFor([&] { return asked().size() >= 2; }));
        QCOMPARE(asked()[0], std::string("pause"));
        QCOMPARE(asked()[1], std::string("step"));
        opened.publish(mark(telemetry::MarkKind::kPaused, 5'000'000));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.source_state().paused; }));
        QTest::keyClick(&opened.window, Qt::Key_Space);
        QCOMPARE(asked().back(), std::string("resume"));
    }
    void paused_and_replay_cannot_be_overlooked() {
        Opened opened;
        QCOMPARE(opened.window.toolbar().surface(), opened.theme.color("bg.window"));
        opened.publish(mark(telemetry::MarkKind::kPaused, 5'000'000));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.source_state().paused; }));
        QCOMPARE(opened.window.toolbar().surface(), opened.theme.color("text.primary"));
        QVERIFY(opened.window.source_state().sentence.startsWith(u"Paused at step"));
        const QImage bar = opened.window.toolbar().grab().toImage();
        QCOMPARE(bar.pixelColor(bar.width() / 2, 2), opened.theme.color("text.primary"));

        Opened replay(true);
        QTest::qWait(150);
        QCOMPARE(replay.window.toolbar().surface(), replay.theme.color("signal.accent_fill"));
        QVERIFY(replay.window.source_state().sentence.contains(u"of 3:20.0, 1\u00d7. L goes live"));
    }
    void a_replay_is_played_paused_and_sought() {
        Opened opened(true);
        QCOMPARE(opened.outside.replay.speed(), 1.0);
        QTest::keyClick(&opened.window, Qt::Key_Space);
        QCOMPARE(opened.outside.replay.speed(), 0.0);
        QTest::keyClick(&opened.window, Qt::Key_Space);
        QCOMPARE(opened.outside.replay.speed(), 1.0);
        QTest::qWait(150);
        const panels::TimeAxis axis = opened.window.transport().axis();
        QTest::mouseClick(&opened.window.transport(), Qt::LeftButton, {},
                          QPoint(int(axis.left + axis.width / 2), 30));
        QCOMPARE(opened.outside.replay.seeks.size(), size_t{1});
        QVERIFY(std::abs(opened.outside.replay.seeks[0] - 100'000'000'000) < 1'000'000'000);
        QVERIFY(opened.outside.control.asked.empty());
    }
    void dragging_on_the_strip_of_a_live_session_sets_the_range() {
        Opened opened;
        opened.publish(mark(telemetry::MarkKind::kSingleStep, 100'000'000'000));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.store().now_ns() > 0; }));
        const panels::TimeAxis axis = opened.window.transport().axis();
        panels::TransportBar& bar = opened.window.transport();
        QTest::mousePress(&bar, Qt::LeftButton, {}, QPoint(int(axis.left + axis.width * 0.25), 30));
        QTest::mouseMove(&bar, QPoint(int(axis.left + axis.width * 0.5), 30));
        QTest::mouseRelease(&bar, Qt::LeftButton, {}, QPoint(int(axis.left + axis.width * 0.5), 30));
        QCOMPARE(opened.window.range().mode(), panels::RangeModel::Mode::kDragged);
        const telemetry::TimeRange range = opened.window.range().resolve(opened.window.store());
        QVERIFY(std::abs(range.begin_ns - 25'000'000'000) < 500'000'000);
        QVERIFY(std::abs(range.end_ns - 50'000'000'000) < 500'000'000);
        QTest::keyClick(&opened.window, Qt::Key_L);
        QCOMPARE(opened.window.range().mode(), panels::RangeModel::Mode::kLast60s);
    }
    void dropped_events_are_shown_and_a_keyframe_is_asked_for() {
        Opened opened;
        for (int i = 0; i < 600'000; ++i) opened.publish(mark(telemetry::MarkKind::kSingleStep, i));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.store().events_dropped() > 0; }));
        QVERIFY(QTest::qWaitFor([&] { return !opened.outside.control.asked.empty(); }));
        QCOMPARE(opened.outside.control.asked[0], std::string("keyframe"));
        opened.window.status().refresh();
        bool told = false;
        for (const panels::StatusCell& cell : opened.window.status().cells())
            told |= cell.words == u"dropped" && cell.warn;
        QVERIFY(told);
    }
    void ctrl_digits_focus_panels_and_escape_clears() {
        Opened opened;
        QTest::keyClick(&opened.window, Qt::Key_4, Qt::ControlModifier);
        PanelDock* fourth = opened.window.docks().docks()[3];
        QVERIFY(QApplication::focusWidget() != nullptr);
        QVERIFY2(fourth->isAncestorOf(QApplication::focusWidget()), qPrintable(fourth->panel()->id()));
        opened.window.selection().select_request(RequestId{3});
        QTest::keyClick(&opened.window, Qt::Key_Escape);
        QCOMPARE(raw(opened.window.selection().request()), 0u);
    }
    void a_focused_control_gets_its_keys_before_the_window() {
        Opened opened;
        QWidget& knobs = *opened.window.docks().dock(QStringLiteral("knobs"));
        const auto widget = [&](const char* name) {
            auto* found = knobs.findChild<QWidget*>(QLatin1String(name));
            if (found == nullptr) qFatal("no widget %s", name);
            found->setFocus(Qt::TabFocusReason);
            return found;
        };
        QTest::keyClick(widget("enable_prefix_caching"), Qt::Key_Space);
        QVERIFY(QTest::qWaitFor([&] { return opened.asked("enable_prefix_caching="); }));
        QTest::keyClick(widget("flush_prefix_cache"), Qt::Key_Space);
        QVERIFY(QTest::qWaitFor([&] { return opened.asked("flush"); }));
        opened.outside.control.asked.clear();
        QTest::keyClick(widget("flush_prefix_cache"), Qt::Key_Return);
        QVERIFY(QTest::qWaitFor([&] { return opened.asked("flush"); }));
        auto* header = static_cast<panels::KnobGroupHeader*>(widget("group_cache"));
        QTest::keyClick(header, Qt::Key_Space);
        QVERIFY(header->folded());
        header->set_folded(false);
        QWidget* row = widget("max_num_seqs");
        QTest::keyClick(row, Qt::Key_Period);
        auto* field = row->findChild<QLineEdit*>(QStringLiteral("value"));
        QVERIFY(field != nullptr && field->isVisible());
        opened.window.selection().select_request(RequestId{3});
        QTest::keyClick(field, Qt::Key_Escape);
        QVERIFY(!field->isVisible());
        QCOMPARE(raw(opened.window.selection().request()), 3u);  // the field took it; the next one clears
        QTest::keyClick(row, Qt::Key_Escape);
        QCOMPARE(raw(opened.window.selection().request()), 0u);
        QVERIFY(!opened.asked("pause") && !opened.asked("step"));
        QTest::keyClick(row, Qt::Key_Space);  // a slider has no use for it
        QVERIFY(opened.asked("pause"));
    }
    void a_clicked_button_leaves_the_keyboard_alone() {
        Opened opened;
        auto* flush = opened.window.findChild<QPushButton*>(QStringLiteral("flush_prefix_cache"));
        QTest::mouseClick(flush, Qt::LeftButton);
        QVERIFY(QTest::qWaitFor([&] { return opened.asked("flush"); }));
        QVERIFY(!flush->hasFocus());
    }
    void escape_clears_from_a_floating_dock() {
        Opened opened;
        PanelDock* dock = opened.window.docks().dock(QStringLiteral("knobs"));
        dock->setFloating(true);
        QTest::qWait(50);
        opened.window.selection().select_request(RequestId{3});
        QTest::keyClick(dock->panel(), Qt::Key_Escape);
        QCOMPARE(raw(opened.window.selection().request()), 0u);
    }
    void the_chip_stays_when_the_theme_changes() {
        Opened opened;
        QTest::qWait(150);
        const QRect before = opened.window.toolbar().chip_rect();
        QVERIFY2(before.width() > 300, qPrintable(QString::number(before.width())));
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(opened.window.toolbar().chip_rect(), before);
        QTest::qWait(150);
        QCOMPARE(opened.window.toolbar().chip_rect(), before);
        QVERIFY(opened.window.toolbar().menus()->width() <=
                opened.window.toolbar().menus()->sizeHint().width());
    }
    void scale_and_theme_from_the_keyboard() {
        Opened opened;
        QTest::keyClick(&opened.window, Qt::Key_Plus, Qt::ControlModifier);
        QCOMPARE(qRound(opened.theme.scale() * 10), 11);
        QTest::keyClick(&opened.window, Qt::Key_Minus, Qt::ControlModifier);
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(opened.theme.mode(), panels::Theme::Mode::kLight);
        QTest::qWait(50);
        const QImage image = opened.window.grab().toImage();
        QCOMPARE(image.pixelColor(1, 100), opened.theme.color("bg.window"));
    }
    void a_recording_begins_and_ends_beside_the_window() {
        Opened opened;
        opened.outside.recording_takes_ms = 300;
        QElapsedTimer held;
        held.start();
        QTest::keyClick(&opened.window, Qt::Key_R);
        QVERIFY2(held.elapsed() < 250, qPrintable(QString::number(held.elapsed())));
        QTest::keyClick(&opened.window, Qt::Key_R);  // too soon: told, and no second one
        QVERIFY(opened.window.status().facts().message.contains(u"wait"));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.transport().state().recording; }));
        QVERIFY(opened.window.status().facts().message.startsWith(u"Recording to "));
        held.restart();
        QTest::keyClick(&opened.window, Qt::Key_R);
        QVERIFY2(held.elapsed() < 250, qPrintable(QString::number(held.elapsed())));
        QVERIFY(QTest::qWaitFor([&] { return !opened.window.transport().state().recording; }));
        QCOMPARE(opened.window.status().facts().message, QStringLiteral("Recording ended"));
    }
    void a_recording_that_ends_by_itself_is_told() {
        Opened opened;
        QTest::keyClick(&opened.window, Qt::Key_R);
        QVERIFY(QTest::qWaitFor([&] { return opened.window.transport().state().recording; }));
        opened.outside.ended_because = "the disk is full";
        opened.outside.recording = false;
        QVERIFY(QTest::qWaitFor([&] { return !opened.window.transport().state().failed.isEmpty(); }));
        QVERIFY(opened.window.transport().state().failed.contains(u"the disk is full"));
        QVERIFY(opened.window.status().facts().message.contains(u"the disk is full"));
        QVERIFY(opened.window.status().facts().message_bad);
        QTest::keyClick(&opened.window, Qt::Key_R);  // another one: the old failure is past
        QVERIFY(QTest::qWaitFor([&] { return opened.window.transport().state().recording; }));
        QVERIFY(opened.window.transport().state().failed.isEmpty());
    }
    void the_session_so_far_is_saved_beside_the_window() {
        Opened opened;
        opened.outside.saving_takes_ms = 300;
        const auto message = [&] { return opened.window.status().facts().message; };
        QTest::keyClick(&opened.window, Qt::Key_S, Qt::ControlModifier);
        auto* dialog = opened.window.findChild<QFileDialog*>();
        QVERIFY(dialog != nullptr);
        QCOMPARE(dialog->acceptMode(), QFileDialog::AcceptSave);
        QVERIFY(!dialog->testOption(QFileDialog::DontConfirmOverwrite));
        QElapsedTimer held;
        held.start();
        emit dialog->fileSelected(QStringLiteral("/tmp/so-far.db"));
        dialog->close();
        QVERIFY2(held.elapsed() < 250, qPrintable(QString::number(held.elapsed())));
        QCOMPARE(message(), QStringLiteral("Saving the session so far to /tmp/so-far.db"));
        QTest::keyClick(&opened.window, Qt::Key_S, Qt::ControlModifier);  // too soon
        QVERIFY(message().contains(u"wait"));
        QVERIFY(QTest::qWaitFor([&] { return message().startsWith(u"Saved"); }));
        QCOMPARE(message(), QStringLiteral("Saved the session up to 12:40 (18.3 MB) to /tmp/so-far.db"));
        QCOMPARE(opened.outside.saved_to, std::string("/tmp/so-far.db"));
        opened.outside.not_saved_because = "the disk is full";
        opened.window.save_so_far(QStringLiteral("/tmp/other.db"));
        QVERIFY(QTest::qWaitFor([&] { return message().contains(u"the disk is full"); }));
        QVERIFY(opened.window.status().facts().message_bad);
    }
    void a_full_scratch_recording_says_what_it_holds() {
        Opened opened;
        app::ScratchState full;
        full.full = true, full.bytes = uint64_t{2} << 30, full.held_ns = 11'560'000'000'000;
        opened.outside.scratch = full;
        const auto message = [&] { return opened.window.status().facts().message; };
        QVERIFY(QTest::qWaitFor([&] { return !message().isEmpty(); }));
        QVERIFY2(
            message().startsWith(
                u"The scratch recording is full at 2.00 GiB: it holds the first 3:12:40 of this session"),
            qPrintable(message()));
        QVERIFY(!opened.window.status().facts().message_bad);
    }
    void how_the_scratch_recording_stands_is_told_once_and_when_nothing_else_is() {
        FakeSession::Outside outside;
        outside.scratch.full = true;
        QStringList told;
        const auto tell = [&](const QString& sentence, bool) { told << sentence; };
        ScratchDesk desk;
        desk.attend(std::make_shared<FakeSession>(&outside, false));
        desk.poll(false, tell);
        QCOMPARE(told.size(), 0);
        for (int look = 0; look < 4; ++look) {
            desk.poll(true, tell);
            QTest::qWait(200);
        }
        QCOMPARE(told.size(), 1);
        desk.attend(std::make_shared<FakeSession>(&outside, false));  // another session, and its own news
        desk.poll(true, tell);
        QCOMPARE(told.size(), 2);
    }
    void a_scratch_recording_that_cannot_be_made_is_told() {
        Opened opened;
        app::ScratchState none;
        none.trouble = Error{"this session is not kept aside", "record it"};
        opened.outside.scratch = none;
        QVERIFY(QTest::qWaitFor([&] {
            return opened.window.status().facts().message == u"this session is not kept aside: record it";
        }));
        QVERIFY(opened.window.status().facts().message_bad);
    }
    void a_knob_found_is_shown_and_focused() {
        Opened opened;
        auto* knobs =
            qobject_cast<panels::KnobsPanel*>(opened.window.docks().dock(QStringLiteral("knobs"))->panel());
        KnobId last = KnobId::kMaxNumSeqs;
        for (const presets::KnobSpec& spec : presets::knob_table()) last = spec.id;
        panels::KnobRow* row = knobs->row(last);
        knobs->findChild<panels::KnobGroupHeader*>(QStringLiteral("group_") + row->view().group)
            ->set_folded(true);
        QVERIFY(!row->isVisible());
        opened.window.toolbar().find_wanted();
        QTest::keyClicks(QApplication::focusWidget(), row->objectName());
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
        QTest::qWait(50);
        QVERIFY(row->isVisible());
        QCOMPARE(opened.window.focusWidget(), row);  // offscreen no window becomes active again by itself
        QVERIFY(!row->visibleRegion().isEmpty());
    }
    void a_layout_of_ones_own_is_kept() {
        Opened opened;
        DockArea& area = opened.window.docks();
        const auto resized = [&](QSize size) {
            opened.window.resize(size);
            QTest::qWait(150);
        };
        area.dock(QStringLiteral("latency"))->close();
        resized({1300, 820});
        QVERIFY(!area.dock(QStringLiteral("latency"))->isVisible());
        opened.window.open(fake_source(&opened.outside, true));  // other panels, in the same places
        QVERIFY(QTest::qWaitFor([&] { return opened.window.session() != nullptr; }));
        QVERIFY(!opened.window.docks().dock(QStringLiteral("latency"))->isVisible());
        QVERIFY(opened.window.docks().dock(QStringLiteral("batch"))->isVisible());
    }
    void the_tab_in_front_stays_there() {
        Opened opened;
        PanelDock* behind = opened.window.docks().dock(QStringLiteral("throughput"));
        QVERIFY(!in_sight(*behind));
        behind->raise();
        QVERIFY(in_sight(*behind));
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        opened.window.resize(1300, 820);
        QTest::qWait(200);
        QVERIFY(in_sight(*behind));
        opened.window.reset_layout();
        QVERIFY(!in_sight(*behind));
    }
    void a_separator_moved_by_hand_stays() {
        Opened opened;
        DockArea& area = opened.window.docks();
        PanelDock* knobs = area.dock(QStringLiteral("knobs"));
        const QPoint at(knobs->geometry().right() + 2, knobs->geometry().center().y());
        QVERIFY(area.isSeparator(at));
        const int before = knobs->width();
        QTest::mousePress(&area, Qt::LeftButton, {}, at);
        QTest::mouseMove(&area, at + QPoint(40, 0));
        QTest::qWait(30);  // Qt moves it with a timer
        QTest::mouseRelease(&area, Qt::LeftButton, {}, at + QPoint(40, 0));
        QTest::qWait(50);
        const int wider = knobs->width();
        QVERIFY2(wider > before + 20, qPrintable(QString::number(wider)));
        opened.window.resize(1290, 810);
        QTest::qWait(150);
        QVERIFY2(std::abs(knobs->width() - wider) < 15, qPrintable(QString::number(knobs->width())));
    }
    void another_session_ends_the_chat_of_the_last() {
        Opened opened;
        auto* prompt =
            qobject_cast<panels::PromptPanel*>(opened.window.docks().dock(QStringLiteral("prompt"))->panel());
        prompt->input()->setPlainText(QStringLiteral("hello"));
        prompt->send();
        QVERIFY(QTest::qWaitFor([&] { return !prompt->presenter().turns().empty(); }));
        opened.window.open(fake_source(&opened.outside));
        QVERIFY(prompt->presenter().turns().empty());
        QCOMPARE(prompt->presenter().state(), panels::PromptPresenter::State::kIdle);
    }
    void find_lists_commands_panels_and_knobs() {
        Opened opened;
        opened.window.toolbar().find_wanted();
        auto* box = opened.window.findChild<FindBox*>();
        QVERIFY(box != nullptr);
        QTest::keyClicks(QApplication::focusWidget() != nullptr ? QApplication::focusWidget() : box,
                         QStringLiteral("batched"));
        QStringList listed = box->listed();
        QVERIFY2(listed.size() == 1 && listed[0].startsWith(u"max_num_batched_tokens"),
                 qPrintable(listed.join(u';')));
        box->close();
    }

    void what_one_arranged_is_remembered() {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("pitwall.ini"));
        {
            QSettings settings(path, QSettings::IniFormat);
            panels::Theme theme;
            MainWindow window(&theme, &settings);
            window.resize(1500, 900);
            window.show();
            QTest::qWait(100);
            theme.set_mode(panels::Theme::Mode::kLight);
            theme.set_scale(1.2);
            window.range().set_mode(panels::RangeModel::Mode::kSession);
            window.docks().docks()[1]->setFloating(true);
            QTest::qWait(50);
            window.close();
        }
        QSettings settings(path, QSettings::IniFormat);
        panels::Theme theme;
        MainWindow window(&theme, &settings);
        window.show();
        QTest::qWait(100);
        QCOMPARE(theme.mode(), panels::Theme::Mode::kLight);
        QCOMPARE(theme.scale(), 1.2);
        QCOMPARE(window.range().mode(), panels::RangeModel::Mode::kSession);
        QVERIFY(window.docks().docks()[1]->isFloating());
        window.reset_layout();
        QTest::qWait(50);
        QVERIFY(!window.docks().docks()[1]->isFloating());
    }
    void what_draws_follows_the_wish_and_the_machine() {
        using panels::ImGuiDrawer;
        const panels::OpenGlProbe card{true, true, QStringLiteral("Radeon"), {}},
            software{true, false, QStringLiteral("llvmpipe"), {}},
            none{false, false, {}, QStringLiteral("no context")};
        const auto drawer = [](const char* wish, const panels::OpenGlProbe& probe) {
            return choose_drawing(wish, probe).drawer;
        };
        QCOMPARE(drawer("auto", card), ImGuiDrawer::kOpenGl);
        QCOMPARE(drawer("auto", software), ImGuiDrawer::kImage);
        QCOMPARE(drawer("auto", none), ImGuiDrawer::kImage);
        QCOMPARE(drawer("on", software), ImGuiDrawer::kOpenGl);
        QCOMPARE(drawer("on", none), ImGuiDrawer::kImage);
        QCOMPARE(drawer("off", card), ImGuiDrawer::kImage);
        QVERIFY(choose_drawing("on", none).complaint.contains(none.problem));  // said where one asked for it,
        for (const auto& [wish, probe] : {std::pair{"auto", none}, {"auto", software}, {"on", software}})
            QVERIFY(choose_drawing(wish, probe).complaint.isEmpty());  // and only there
        QVERIFY(about_html(choose_drawing("auto", card).about).contains(card.renderer));
        QVERIFY(about_html(choose_drawing("auto", software).about).contains(software.renderer));
        QVERIFY(about_html(choose_drawing("auto", none).about).contains(none.problem));
    }
    void pictures_of_the_window_and_of_every_panel() {
        Opened opened;
        const QTemporaryDir folder;
        const QString target = folder.filePath(QStringLiteral("new/pictures"));
        QVERIFY(take_screenshots(opened.window, target).ok());
        QCOMPARE(QImage(target + QStringLiteral("/window.png")).size(), QSize(1280, 800));
        for (PanelDock* dock : opened.window.docks().docks()) {
            const QImage image(target + u'/' + dock->panel()->id() + QStringLiteral(".png"));
            QVERIFY2(!image.isNull(), qPrintable(dock->panel()->id()));
            QSet<QRgb> colours;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x) colours.insert(image.pixel(x, y));
            QVERIFY2(colours.size() >= 4, qPrintable(dock->panel()->id()));
        }
        QVERIFY(!take_screenshots(opened.window, QStringLiteral("/proc/nowhere")).ok());
    }
};

QTEST_MAIN(MainWindowTest)
#include "tst_main_window.moc"
