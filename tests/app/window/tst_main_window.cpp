// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sessions, keys and commands of the main window.
#include <QAction>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

#include "app/window/find_box.h"
#include "app/window/main_window.h"
#include "panels/knobs/knobs_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "panels/throughput/strip_chart.h"
#include "tests/app/window/opened_window.h"

using namespace pitwall;
using namespace pitwall::app;
using pitwall::testing::fake_source;
using pitwall::testing::FakeSession;
using pitwall::testing::mark;
using pitwall::testing::Opened;
using presets::KnobId;

class MainWindowTest : public QObject {
    Q_OBJECT
  private slots:
    void loading_does_not_hold_the_window() {
        panels::Theme theme;
        FakeSession::Outside outside;
        MainWindow window(&theme, nullptr);
        window.show();
        window.open(fake_source(&outside, false, 400));
        int turns = 0;  // many, as none waits for the thread that loads
        while (window.loading()) {
            QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            if (++turns == 10) QCOMPARE(window.source_state().kind, SourceState::Kind::kLoading);
            QTest::qSleep(2);
        }
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
    void a_focused_chart_takes_shift_and_an_arrow() {
        Opened opened(true);
        QTest::keyClick(&opened.window, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(opened.outside.replay.seeks.size(), 1u);  // no control wants it: the window moves in time
        for (const char* panel : {"throughput", "latency"}) {
            PanelDock* dock = opened.window.docks().dock(QLatin1String(panel));
            auto* chart = dock->findChild<panels::StripChart*>();
            QVERIFY2(chart != nullptr, panel);
            chart->setFocus(Qt::TabFocusReason);
            QSignalSpy stepped(chart, &panels::StripChart::stepped);
            QTest::keyClick(chart, Qt::Key_Left, Qt::ShiftModifier);
            QTest::keyClick(chart, Qt::Key_Right, Qt::ShiftModifier);
            QCOMPARE(stepped.size(), 2);
            QCOMPARE(stepped[0][0].toInt(), -10);
            QCOMPARE(stepped[1][0].toInt(), 10);
        }
        QCOMPARE(opened.outside.replay.seeks.size(), 1u);
    }
    void a_focused_slider_takes_shift_and_an_arrow() {
        Opened opened;
        auto* row = opened.window.docks()
                        .dock(QStringLiteral("knobs"))
                        ->findChild<panels::KnobRow*>(QStringLiteral("max_num_seqs"));
        QVERIFY(row != nullptr);
        row->setFocus(Qt::TabFocusReason);
        QSignalSpy stepped(row, &panels::KnobRow::stepped);
        QTest::keyClick(row, Qt::Key_Left, Qt::ShiftModifier);
        QCOMPARE(stepped.size(), 1);
        QCOMPARE(stepped[0][0].toInt(), -10);
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
    void a_draft_model_is_chosen_by_its_file() {
        Opened opened;
        auto* action = opened.window.findChild<QAction*>(QStringLiteral("draft_model"));
        QVERIFY(action != nullptr && QTest::qWaitFor([&] { return action->isEnabled(); }));
        QVERIFY(action->toolTip().contains(u"speculative_method"));
        const auto choose = [&](const QString& path) {
            action->trigger();
            auto* dialog = opened.window.findChild<QFileDialog*>();
            QVERIFY(dialog != nullptr);
            emit dialog->fileSelected(path);
            delete dialog;
        };
        const auto message = [&] { return opened.window.status().facts().message; };
        choose(QStringLiteral("/models/Tiny.Q4_1.gguf"));
        QVERIFY(opened.asked("draft model /models/Tiny.Q4_1.gguf"));
        QVERIFY(message().contains(u"Tiny.Q4_1"));
        opened.outside.control.no_draft_model = "it has 512 tokens, the model has 49152";
        choose(QStringLiteral("/models/Other.gguf"));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.status().facts().message_bad; }));
        QCOMPARE(message(), QStringLiteral("Draft model: it has 512 tokens, the model has 49152"));
    }
    void nothing_drafts_in_a_replay() {
        Opened opened(true);
        QTest::qWait(150);
        QVERIFY(!opened.window.findChild<QAction*>(QStringLiteral("draft_model"))->isEnabled());
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
};

QTEST_MAIN(MainWindowTest)
#include "tst_main_window.moc"
