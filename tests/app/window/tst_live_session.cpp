// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole window over a real engine: a simulated device, and the CPU with a small made-up model.
#include <QDir>
#include <QMenu>
#include <QSet>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <set>

#include "app/window/main_window.h"
#include "app/window/screenshots.h"
#include "app/window/window_entry.h"
#include "panels/batch/batch_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/latency/latency_panel.h"
#include "panels/requests/requests_panel.h"

using namespace pitwall;
using namespace pitwall::app;

namespace {

/// Far more than anything here takes, also beside other work: what is waited for is what happens, not time.
constexpr int kLongestMs = 30'000;

SessionOptions busy_session(const char* device) {
    SessionOptions options;
    options.model = "synthetic:tiny";
    options.device = device;
    options.threads = 1;
    options.paced = true;
    for (const char* knob : {"workload=chat", "request_rate=30", "num_kv_blocks=256"}) {
        const Status set = options.knobs.set_from_text(knob);
        if (!set.ok()) qFatal("%s", set.error().text().c_str());
    }
    return options;
}

Source live(const SessionOptions& options) {
    Source source;
    source.simulated = options.device.starts_with("sim");
    source.name = QStringLiteral("tiny");
    source.open = [options](const ProgressFn& progress) { return open_live_session(options, progress); };
    return source;
}

struct Running {
    explicit Running(const SessionOptions& options) : window(&theme, nullptr) {
        window.resize(1600, 1000);
        window.show();
        window.set_live_source(live(options));
        window.open(live(options));
    }
    /// True once the engine has made that many steps.
    bool wait_for_steps(size_t steps) {
        return QTest::qWaitFor([&] { return window.store().steps().size() >= steps; }, kLongestMs);
    }
    bool wait_for_more_steps(size_t more) { return wait_for_steps(window.store().steps().size() + more); }
    /// How often each panel was refreshed, in the order of its docks.
    std::vector<uint64_t> refreshes() {
        std::vector<uint64_t> all;
        for (PanelDock* dock : window.docks().docks())
            all.push_back(window.refresher().refreshes_of(dock->panel()));
        return all;
    }
    /// The panels in sight that were not refreshed so often since then.
    QStringList behind(const std::vector<uint64_t>& since, uint64_t times) {
        QStringList ids;
        const std::vector<uint64_t> now = refreshes();
        for (size_t i = 0; i < now.size(); ++i) {
            const panels::Panel& panel = *window.docks().docks()[i]->panel();
            if (in_sight(panel) && now[i] < since[i] + times) ids << panel.id();
        }
        return ids;
    }
    bool wait_for_refreshes(const std::vector<uint64_t>& since, uint64_t times) {
        return QTest::qWaitFor([&] { return behind(since, times).isEmpty(); }, kLongestMs);
    }
    panels::Theme theme;
    MainWindow window;
};

template <class P>
P* panel_of(MainWindow& window, const char* id) {
    return qobject_cast<P*>(window.docks().dock(QLatin1String(id))->panel());
}

/// A held block of a request that has made tokens, so that every panel has something to show of it.
BlockId block_of_a_decoding_request(const telemetry::Store& store) {
    for (uint32_t b = 0; b < store.blocks().size(); ++b) {
        const telemetry::BlockRow& block = store.blocks()[b];
        const telemetry::RequestRow* owner = store.find_request(block.owner);
        const auto table = store.block_table(block.owner);
        const bool own = std::find(table.begin(), table.end(), BlockId{b}) != table.end();
        if (block.state == telemetry::BlockState::kHeld && own && owner && owner->output_tokens > 1)
            return BlockId{b};
    }
    return kNoBlock;
}

/// The row is in sight and painted as the selected one, and no other row in sight is.
bool only_this_row_is_marked(panels::RequestsPanel& panel, const panels::Theme& theme, RequestId request) {
    panels::RequestsView& view = *panel.view();
    const QImage image = view.viewport()->grab().toImage();
    const auto marked = [&](int row) {
        const QRect cell = view.visualRect(panel.model().index(row, 1));
        const QPoint at = cell.topLeft() * image.devicePixelRatio() + QPoint(1, 1);
        return image.rect().contains(at) && image.pixelColor(at).rgb() == theme.color("bg.selection").rgb();
    };
    for (int row = 0; row < panel.model().rowCount({}); ++row)
        if (marked(row) != (panel.presenter().order()[size_t(row)] == request)) return false;
    return true;
}

size_t sequences_of(const telemetry::StepRow& step) {
    std::set<RequestId> sequences;
    for (const telemetry::StepMemberRow& member : step.members) sequences.insert(member.request);
    return sequences.size();
}

size_t colours_of(const QString& path) {
    const QImage image(path);
    QSet<QRgb> colours;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x) colours.insert(image.pixel(x, y));
    return size_t(colours.size());
}

}  // namespace

class LiveSessionTest : public QObject {
    Q_OBJECT
    /// What ran before a limit was lowered drains; nothing joins it, and from then on no step has more sequences. There
    /// is more work than that all the time, so that the limit is what holds it.
    static void obeys_its_limit(Running& running, telemetry::KnobEvent limit) {
        const telemetry::Store& store = running.window.store();
        running.window.session()->control().burst(24);
        const auto held_back = [&] {  // once what ran before has drained
            return std::count_if(store.steps().begin(), store.steps().end(),
                                 [&](const telemetry::StepRow& s) {
                                     return s.step.step_id >= limit.step_id && s.step.waiting > 0 &&
                                            s.step.running <= limit.effective_value;
                                 });
        };
        QVERIFY2(QTest::qWaitFor([&] { return held_back() >= 30; }, kLongestMs),
                 qPrintable(QStringLiteral("%1 steps had a queue").arg(held_back())));
        size_t most = SIZE_MAX, seen = 0;
        for (const telemetry::StepRow& row : store.steps()) {
            if (row.step.step_id < limit.step_id) continue;
            const size_t now = std::max<size_t>(row.step.running, sequences_of(row));
            QVERIFY2(now <= most,
                     qPrintable(QStringLiteral("step %1 has %2 sequences").arg(row.step.step_id).arg(now)));
            most = std::max(std::min(most, now), size_t(limit.effective_value));
            seen = std::max(seen, sequences_of(row));
        }
        QCOMPARE(most, size_t(limit.effective_value));
        QVERIFY2(seen > 0, "the engine goes on");
    }

    static void shows_as_selected(Running& running, RequestId request, BlockId block) {
        const telemetry::Store& store = running.window.store();
        const telemetry::RequestRow& row = *store.find_request(request);
        auto* map = panel_of<panels::KvBlockMapPanel>(running.window, "kv_block_map");
        QCOMPARE(map->presenter().request(), request);
        QCOMPARE(map->presenter().block(), block);
        QCOMPARE(map->presenter().request_blocks(), store.block_table(request).size());
        QVERIFY(!map->presenter().selection_runs().empty());

        auto* batch = panel_of<panels::BatchPanel>(running.window, "batch");
        const panels::BatchSpan* span = batch->presenter().span_of(request);
        QVERIFY(span != nullptr);
        QVERIFY2(batch->presenter().lane_y(span->lane) >= 0, "its lane is shown, whatever room there is");

        auto* requests = panel_of<panels::RequestsPanel>(running.window, "requests");
        QVERIFY(requests->presenter().row_of(request) >= 0);
        QVERIFY(only_this_row_is_marked(*requests, running.theme, request));
        const QString output = QString::fromStdString(store.output_text(request));
        QVERIFY(!output.isEmpty());
        requests->detail()->set_show(panels::RequestDetail::Show::kTokens);
        QVERIFY(requests->detail()->text().startsWith(QStringLiteral("    1")));
        QCOMPARE(requests->detail()->text().count(u'\n'), qsizetype(row.tokens.size()));
        for (const telemetry::RequestRow::Token& token : row.tokens)
            QVERIFY(requests->detail()->text().contains(QString::number(token.id)));

        auto* latency = panel_of<panels::LatencyPanel>(running.window, "latency");
        const auto& ttft = latency->presenter().histogram(panels::LatencyPresenter::kTtft);
        QVERIFY(ttft.selected.has_value());
        QCOMPARE(*ttft.selected, double(row.ttft_ns()) / ttft.unit_ns);
        const auto& tpot = latency->presenter().histogram(panels::LatencyPresenter::kTpot);
        QVERIFY(tpot.selected.has_value());
        QCOMPARE(*tpot.selected, row.tpot_ns() / tpot.unit_ns);
    }
  private slots:
    void a_knob_turned_in_the_panel_comes_back_from_the_engine_data() {
        QTest::addColumn<QByteArray>("device");
        QTest::newRow("simulated") << QByteArray("sim");
        QTest::newRow("CPU") << QByteArray("cpu");
    }
    void a_knob_turned_in_the_panel_comes_back_from_the_engine() {
        QFETCH(QByteArray, device);
        Running running(busy_session(device.constData()));
        QVERIFY2(running.wait_for_steps(10), qPrintable(running.window.failure()));
        auto* row = running.window.docks()
                        .dock(QStringLiteral("knobs"))
                        ->findChild<QWidget*>(QStringLiteral("max_num_seqs"));
        QVERIFY(row != nullptr);
        row->setFocus();
        const auto knob = static_cast<uint16_t>(presets::KnobId::kMaxNumSeqs);
        const double before = running.window.store().knob(knob).last.effective_value;
        QTest::keyClick(row, Qt::Key_Down);
        QVERIFY(QTest::qWaitFor([&] { return !running.window.store().knob_changes().empty(); }, kLongestMs));
        const telemetry::KnobChange change = running.window.store().knob_changes().front();
        QCOMPARE(change.event.knob, knob);
        QCOMPARE(int(change.event.origin), int(telemetry::KnobOrigin::kUser));
        QCOMPARE(change.event.old_value, before);
        QVERIFY(change.event.asked_value < before);
        QCOMPARE(running.window.source_state().kind,
                 device == "sim" ? SourceState::Kind::kSimulated : SourceState::Kind::kLive);
        const auto limit = [&] { return running.window.store().knob(knob).last.effective_value; };
        QTest::keyClick(row, Qt::Key_Home);
        QVERIFY(QTest::qWaitFor([&] { return limit() == 1; }, kLongestMs));
        QTest::keyClick(row, Qt::Key_Up);
        QVERIFY(QTest::qWaitFor([&] { return limit() > 1; }, kLongestMs));
        obeys_its_limit(running, running.window.store().knob(knob).last);
    }
    void a_click_on_a_block_selects_its_request_everywhere() {
        Running running(busy_session("sim"));
        QVERIFY2(running.wait_for_steps(50), qPrintable(running.window.failure()));
        auto* panel = qobject_cast<panels::KvBlockMapPanel*>(
            running.window.docks().dock(QStringLiteral("kv_block_map"))->panel());
        QVERIFY(panel != nullptr);
        // Paused, so that the owner does not leave under the pointer; at times nobody decodes at that moment.
        BlockId block = kNoBlock;
        for (int tries = 0; block == kNoBlock && tries < 20; ++tries) {
            for (const bool paused : {false, true}) {
                if (running.window.source_state().paused != paused)
                    QTest::keyClick(&running.window, Qt::Key_Space);
                QVERIFY(QTest::qWaitFor(
                    [&] {
                        return running.window.store().paused() == paused &&
                               running.window.source_state().paused == paused;
                    },
                    kLongestMs));
                if (!paused) QVERIFY(running.wait_for_more_steps(5));
            }
            panel->refresh();
            block = block_of_a_decoding_request(running.window.store());
        }
        QVERIFY(block != kNoBlock);
        const std::vector<uint64_t> before = running.refreshes();
        const panels::PixelRect cell = panel->presenter().rect_of(block);
        QTest::mouseClick(panel->view(), Qt::LeftButton, {},
                          QPoint(cell.x + cell.w / 2, cell.y + cell.h / 2));
        QVERIFY(
            QTest::qWaitFor([&] { return running.window.selection().request() != kNoRequest; }, kLongestMs));
        const RequestId owner = running.window.store().blocks()[raw(block)].owner;
        QCOMPARE(raw(running.window.selection().request()), raw(owner));
        // Every panel in sight is told, with no event to wait for.
        QVERIFY2(running.wait_for_refreshes(before, 1),
                 qPrintable(running.behind(before, 1).join(QStringLiteral(", "))));
        shows_as_selected(running, owner, block);
    }
    void every_panel_in_sight_follows_the_engine_by_itself() {
        Running running(busy_session("sim"));
        QVERIFY2(running.wait_for_steps(10), qPrintable(running.window.failure()));
        const std::vector<uint64_t> before = running.refreshes();
        // Twice is enough: where pictures are dear there is one a second, of nine.
        QVERIFY2(running.wait_for_refreshes(before, 2),
                 qPrintable(running.behind(before, 2).join(QStringLiteral(", "))));
        const std::vector<uint64_t> after = running.refreshes();
        int seen = 0;
        for (size_t i = 0; i < before.size(); ++i) {
            PanelDock* dock = running.window.docks().docks()[i];
            // The tabs behind Workload and behind the block map.
            const QStringList tabs_behind = {QStringLiteral("prompt"), QStringLiteral("memory"),
                                             QStringLiteral("kv_precision"), QStringLiteral("speculation"),
                                             QStringLiteral("device")};
            const bool behind = tabs_behind.contains(dock->panel()->id());
            QCOMPARE(in_sight(*dock->panel()), !behind);
            QVERIFY2(!behind || after[i] == before[i], qPrintable(dock->panel()->id()));
            seen += behind ? 0 : 1;
        }
        QCOMPARE(seen, 9);
    }
    void a_recorded_session_is_replayed_in_the_same_window() {
        Running running(busy_session("sim"));
        QVERIFY2(running.wait_for_steps(20), qPrintable(running.window.failure()));
        QTest::keyClick(&running.window, Qt::Key_R);
        QVERIFY2(QTest::qWaitFor([&] { return running.window.status().facts().recording; }, kLongestMs),
                 qPrintable(running.window.status().facts().message));
        QVERIFY(running.wait_for_more_steps(20));
        QTest::keyClick(&running.window, Qt::Key_R);
        QVERIFY(QTest::qWaitFor([&] { return !running.window.session()->recording(); }, kLongestMs));
        const QDir folder(qEnvironmentVariable("XDG_DATA_HOME") + QStringLiteral("/pitwall/sessions"));
        const QStringList files = folder.entryList({QStringLiteral("*.db")}, QDir::Files, QDir::Time);
        QVERIFY(!files.isEmpty());
        const std::string path = folder.filePath(files.front()).toStdString();
        Source replay;
        replay.replay = true;
        replay.open = [path](const ProgressFn&) { return open_replay_session(path); };
        QSignalSpy opened(&running.window, &MainWindow::opened);
        running.window.open(replay);
        QVERIFY2(opened.wait(kLongestMs), qPrintable(running.window.failure()));
        QVERIFY(running.wait_for_steps(3));
        QVERIFY(QTest::qWaitFor(
            [&] { return running.window.source_state().kind == SourceState::Kind::kReplay; }, kLongestMs));
        QFile::remove(QString::fromStdString(path));
    }
    void what_nobody_recorded_can_be_saved_and_is_gone_with_the_window() {
        const QTemporaryDir folder;
        const QString copy = folder.filePath(QStringLiteral("copy.db")),
                      aside = folder.filePath(QStringLiteral("scratch"));
        const auto sessions = [&] { return QDir(aside).entryList({QStringLiteral("*.db")}, QDir::Files); };
        {
            SessionOptions options = busy_session("sim");
            options.scratch_folder = aside.toStdString();
            Running running(options);
            QVERIFY2(running.wait_for_steps(20), qPrintable(running.window.failure()));
            QCOMPARE(sessions().size(), 1);
            QVERIFY(!running.window.status().facts().recording);
            running.window.save_so_far(copy);
            const auto message = [&] { return running.window.status().facts().message; };
            QVERIFY2(QTest::qWaitFor([&] { return message().startsWith(u"Saved"); }, kLongestMs),
                     qPrintable(message()));
            QSignalSpy opened(&running.window, &MainWindow::opened);
            running.window.open(live(options));  // a new session has a file of its own
            QVERIFY2(opened.wait(kLongestMs), qPrintable(running.window.failure()));
            QVERIFY2(running.wait_for_steps(20), qPrintable(running.window.failure()));
            QVERIFY(QTest::qWaitFor([&] { return sessions().size() == 1; }, kLongestMs));
        }
        QCOMPARE(sessions().size(), 0);
        QVERIFY(open_replay_session(copy.toStdString()).ok());
    }
    void a_session_that_was_killed_is_offered() {
        const QTemporaryDir folder;
        SessionOptions options = busy_session("sim");
        options.paced = false, options.duration_ns = 2'000'000'000;
        options.record_path = folder.filePath(QStringLiteral("20260102T140245Z-1.db")).toStdString();
        {
            auto session = open_live_session(options, nullptr);
            QVERIFY(session.ok());
            session.value()->start();
            QVERIFY(QTest::qWaitFor([&] { return session.value()->finished(); }, kLongestMs));
        }
        Running running(busy_session("sim"));
        auto* menu = running.window.findChild<QMenu*>(QStringLiteral("unfinished"));
        QVERIFY(menu != nullptr && !menu->isEnabled());
        const auto left = ScratchFolder(folder.path().toStdString()).left_over();
        QCOMPARE(left.size(), size_t{1});
        running.window.offer_unfinished(left);
        QVERIFY(
            QTest::qWaitFor([&] { return !running.window.status().facts().message.isEmpty(); }, kLongestMs));
        const QString said = running.window.status().facts().message;
        QVERIFY2(said.contains(u"ended without saying goodbye: File > Open unfinished session"),
                 qPrintable(said));
        QVERIFY(menu->isEnabled());
        QCOMPARE(menu->actions().size(), 1);
        QVERIFY(running.wait_for_steps(1));
        QSignalSpy opened(&running.window, &MainWindow::opened);
        menu->actions().front()->trigger();
        QVERIFY2(opened.wait(kLongestMs), qPrintable(running.window.failure()));
        QVERIFY(QTest::qWaitFor(
            [&] { return running.window.source_state().kind == SourceState::Kind::kReplay; }, kLongestMs));
        QVERIFY(running.wait_for_steps(3));
    }
    void pictures_are_not_blank() {
        Running running(busy_session("sim"));
        QVERIFY2(running.wait_for_steps(100), qPrintable(running.window.failure()));
        const QTemporaryDir folder;
        const Status taken = take_screenshots(running.window, folder.path());
        QVERIFY2(taken.ok(), taken.ok() ? "" : taken.error().text().c_str());
        QVERIFY(colours_of(folder.filePath(QStringLiteral("window.png"))) > 50);
        for (PanelDock* dock : running.window.docks().docks())
            QVERIFY2(colours_of(folder.filePath(dock->panel()->id() + QStringLiteral(".png"))) > 6,
                     qPrintable(dock->panel()->id()));
    }
    void the_words_without_a_window_say_the_same() {
        WindowOptions options;
        options.session = busy_session("sim");
        options.session.duration_ns = 2'500'000'000;
        options.session.draft_model = "synthetic:tiny-draft";
        const std::vector<std::string> words = headless_words(options);
        const auto has = [&](const char* word) {
            return std::find(words.begin(), words.end(), word) != words.end();
        };
        QVERIFY(has("--headless") && has("sim") && has("synthetic:tiny") && has("workload=chat"));
        QVERIFY(has("--draft-model") && has("synthetic:tiny-draft"));
        QVERIFY(has("--duration") && has("2.500000"));
        QVERIFY(!has("--preset"));
        options.session.preset_path = "/tmp/p.json";
        options.session.from_preset = {presets::KnobId::kWorkload};
        const std::vector<std::string> preset_words = headless_words(options);
        QVERIFY(std::ranges::count(preset_words, "/tmp/p.json") == 1);
        QVERIFY2(std::ranges::count(preset_words, "workload=chat") == 0, "the preset says it");
    }
};

QTEST_MAIN(LiveSessionTest)
#include "tst_live_session.moc"
