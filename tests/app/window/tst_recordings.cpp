// SPDX-License-Identifier: GPL-3.0-or-later
//
// Recordings as the window has them: replays, recordings that were asked for, and those that were not.
#include <QFileDialog>
#include <QSignalSpy>
#include <QTest>

#include "app/window/main_window.h"
#include "tests/app/window/opened_window.h"

using namespace pitwall;
using namespace pitwall::app;
using pitwall::testing::FakeSession;
using pitwall::testing::mark;
using pitwall::testing::Opened;

class RecordingsTest : public QObject {
    Q_OBJECT
  private slots:
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
    void a_replay_goes_to_changes_that_are_still_to_come() {
        Opened opened(true, {60'000'000'000, 120'000'000'000});
        QTest::keyClick(&opened.window, Qt::Key_BracketRight);
        QCOMPARE(opened.outside.replay.seeks, (std::vector<int64_t>{60'000'000'000}));
        opened.publish(mark(telemetry::MarkKind::kSingleStep, 90'000'000'000));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.store().now_ns() > 0; }));
        QTest::keyClick(&opened.window, Qt::Key_BracketRight);
        QTest::keyClick(&opened.window, Qt::Key_BracketLeft);
        QCOMPARE(opened.outside.replay.seeks.size(), size_t{3});
        QCOMPARE(opened.outside.replay.seeks[1], 120'000'000'000);
        QCOMPARE(opened.outside.replay.seeks[2], 60'000'000'000);
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
    void a_recording_begins_and_ends_beside_the_window() {
        Opened opened;
        opened.outside.recording_takes_ms = 300;
        QTest::keyClick(&opened.window, Qt::Key_R);
        QVERIFY2(!opened.window.transport().state().recording, "the key does not wait for the file");
        QTest::keyClick(&opened.window, Qt::Key_R);  // too soon: told, and no second one
        QVERIFY(opened.window.status().facts().message.contains(u"wait"));
        QVERIFY(QTest::qWaitFor([&] { return opened.window.transport().state().recording; }));
        QVERIFY(opened.window.status().facts().message.startsWith(u"Recording to "));
        QTest::keyClick(&opened.window, Qt::Key_R);
        QVERIFY(opened.window.transport().state().recording);
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
        emit dialog->fileSelected(QStringLiteral("/tmp/so-far.db"));
        dialog->close();
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
};

QTEST_MAIN(RecordingsTest)
#include "tst_recordings.moc"
