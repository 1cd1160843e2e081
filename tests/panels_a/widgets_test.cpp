// SPDX-License-Identifier: GPL-3.0-or-later
//
// The panels as a user has them: pointer and keys in, selections and commands out.
#include <gtest/gtest.h>

#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <chrono>

#include "panels/batch/batch_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "panels/requests/requests_panel.h"
#include "tests/panels_a/bench_top.h"

namespace pitwall::testing {
namespace {

using namespace panels;

class Widgets : public ::testing::Test {
  protected:
    Widgets() : scene_({.arrivals_per_s = 6}) { top_.feed(scene_, 20); }
    template <class PanelType>
    std::unique_ptr<PanelType> open(QSize size) {
        auto panel = std::make_unique<PanelType>(top_.context());
        panel->resize(size);
        panel->show();
        panel->activateWindow();
        panel->refresh();
        QTest::qWait(10);
        return panel;
    }
    static void wheel(QWidget* widget, QPoint at, int turns) {
        QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, 120 * turns}, Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(widget, &event);
    }
    BenchTop top_;
    Scene scene_;
};

TEST_F(Widgets, AClickOnABlockSelectsItAndItsOwner) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    const RequestId request = top_.longest_running();
    const BlockId block = top_.store.block_table(request).back();
    const PixelRect cell = panel->presenter().rect_of(block);
    QSignalSpy changed(&top_.selection, &SelectionModel::changed);
    QTest::mouseClick(panel->view(), Qt::LeftButton, {}, {cell.x + 2, cell.y + 2});
    EXPECT_EQ(top_.selection.block(), block);
    EXPECT_EQ(top_.selection.request(), request);
    EXPECT_EQ(changed.count(), 1);
    QTest::mouseClick(panel->view(), Qt::LeftButton, Qt::ShiftModifier, {cell.x + 2, cell.y + 2});
    EXPECT_EQ(top_.selection.block(), kNoBlock) << "Shift: the whole table";
    EXPECT_EQ(top_.selection.request(), request);
}

TEST_F(Widgets, TheMapIsWalkedByKeys) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    panel->view()->setFocus();
    for (const auto key : {Qt::Key_Right, Qt::Key_Right, Qt::Key_Down}) QTest::keyClick(panel->view(), key);
    QTest::keyClick(panel->view(), Qt::Key_Return);
    EXPECT_EQ(raw(top_.selection.block()), 1u + static_cast<uint32_t>(panel->presenter().layout().columns()));
    QTest::keyClick(panel->view(), Qt::Key_Escape);
    EXPECT_EQ(top_.selection.block(), kNoBlock);
}

TEST_F(Widgets, TheWheelZoomsTheMapAndADoubleClickFitsIt) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    const int fitted = panel->presenter().layout().pitch();
    const PixelRect map = panel->presenter().map();
    const auto under = panel->presenter().block_at(map.x + 300, map.y + 100);
    wheel(panel->view(), {map.x + 300, map.y + 100}, 3);
    EXPECT_GT(panel->presenter().layout().pitch(), fitted);
    EXPECT_EQ(panel->presenter().block_at(map.x + 300, map.y + 100), under);
    QTest::mouseDClick(panel->view(), Qt::LeftButton, {}, {map.x + 20, map.y + 20});
    EXPECT_EQ(panel->presenter().layout().pitch(), fitted);
}

TEST_F(Widgets, ABatchColumnSelectsItsStepAndALaneItsRequest) {
    auto panel = open<BatchPanel>({920, 288});
    const BatchPresenter& p = panel->presenter();
    const BatchColumn column = p.columns()[p.columns().size() / 2];
    QTest::mouseClick(panel->chart(), Qt::LeftButton, {}, {column.x + 1, p.bands().top + 10});
    ASSERT_TRUE(top_.selection.has_step());
    EXPECT_EQ(top_.selection.step(), column.id);
    const BatchSpan span = p.spans()[p.spans().size() / 2];
    QTest::mouseClick(panel->chart(), Qt::LeftButton, {}, {(span.x0 + span.x1) / 2, p.lane_y(span.lane) + 1});
    EXPECT_EQ(top_.selection.request(), span.request);
}

TEST_F(Widgets, BatchKeysMoveStepRequestZoomAndAxis) {
    auto panel = open<BatchPanel>({920, 288});
    QTest::keyClick(panel->chart(), Qt::Key_Left);
    const StepId newest = top_.selection.step();
    QTest::keyClick(panel->chart(), Qt::Key_Left);
    EXPECT_EQ(raw(top_.selection.step()), raw(newest) - 1);
    QTest::keyClick(panel->chart(), Qt::Key_Down);
    EXPECT_NE(top_.selection.request(), kNoRequest);
    const double before = panel->presenter().axis().pixels_per_step();
    wheel(panel->chart(), {500, 60}, 1);
    EXPECT_GT(panel->presenter().axis().pixels_per_step(), before);
    QTest::keyClick(panel->chart(), Qt::Key_T);
    EXPECT_EQ(panel->presenter().axis().mode(), BatchAxis::Mode::kTime);
    QTest::keyClick(panel->chart(), Qt::Key_Escape);
    EXPECT_FALSE(top_.selection.has_step());
}

TEST_F(Widgets, RowsAreSelectedByClickAndByKeys) {
    auto panel = open<RequestsPanel>({920, 238});
    const auto at = panel->view()->visualRect(panel->model().index(3, 1)).center();
    QTest::mouseClick(panel->view()->viewport(), Qt::LeftButton, {}, at);
    EXPECT_EQ(top_.selection.request(), panel->presenter().order()[3]);
    QTest::keyClick(panel->view(), Qt::Key_J);
    EXPECT_EQ(top_.selection.request(), panel->presenter().order()[4]);
    QTest::keyClick(panel->view(), Qt::Key_K);
    QTest::keyClick(panel->view(), Qt::Key_K);
    EXPECT_EQ(top_.selection.request(), panel->presenter().order()[2]);
    QTest::keyClick(panel->view(), Qt::Key_Return);
    ASSERT_TRUE(top_.selection.has_step());
    const telemetry::StepRow* step = top_.store.find_step(top_.selection.step());
    ASSERT_TRUE(step);
    EXPECT_TRUE(std::any_of(step->members.begin(), step->members.end(),
                            [&](const auto& m) { return m.request == top_.selection.request(); }));
}

TEST_F(Widgets, CAsksAndOnlyAYesCancels) {
    auto panel = open<RequestsPanel>({920, 238});
    const RequestId request = top_.longest_running();
    top_.selection.select_request(request);
    QTest::keyClick(panel->view(), Qt::Key_C);
    EXPECT_TRUE(panel->cancel_bar()->isVisible());
    QTest::keyClick(panel->cancel_bar(), Qt::Key_Escape);
    EXPECT_FALSE(panel->cancel_bar()->isVisible());
    EXPECT_TRUE(top_.control.calls.empty());
    QTest::keyClick(panel->view(), Qt::Key_C);
    QTest::keyClick(panel->cancel_bar(), Qt::Key_Return);
    EXPECT_EQ(top_.control.calls, std::vector<std::string>{"cancel " + std::to_string(raw(request))});
    EXPECT_TRUE(panel->cancel_bar()->question().text().contains(QStringLiteral("was cancelled")));
}

TEST_F(Widgets, EnterOnKeepItKeepsIt) {
    auto panel = open<RequestsPanel>({920, 238});
    top_.selection.select_request(top_.longest_running());
    QTest::keyClick(panel->view(), Qt::Key_C);
    QPushButton* keep = panel->cancel_bar()->findChildren<QPushButton*>().at(1);
    ASSERT_EQ(keep->text(), QStringLiteral("Keep it"));
    keep->setFocus();
    ASSERT_TRUE(keep->hasFocus());
    QTest::keyClick(keep, Qt::Key_Return);
    EXPECT_TRUE(top_.control.calls.empty());
    EXPECT_FALSE(panel->cancel_bar()->isVisible());
}

TEST_F(Widgets, TheTableStaysWhereAPanelBecomesNarrow) {
    auto panel = open<RequestsPanel>({920, 238});
    EXPECT_TRUE(panel->view()->isVisible() && panel->detail()->isVisible());
    panel->resize(680, 238);
    EXPECT_TRUE(panel->view()->isVisible());
    EXPECT_FALSE(panel->detail()->isVisible());
    auto* parts = panel->findChild<SegmentedControl*>();
    ASSERT_TRUE(parts);
    parts->set_current(2);
    EXPECT_FALSE(panel->view()->isVisible()) << "a hand's choice";
    panel->resize(690, 238);
    EXPECT_FALSE(panel->view()->isVisible()) << "stays while it is narrow";
    panel->resize(920, 238);
    EXPECT_TRUE(panel->view()->isVisible() && panel->detail()->isVisible());
}

TEST_F(Widgets, TheFilterIsReachedAndLeftByKeys) {
    auto panel = open<RequestsPanel>({920, 238});
    panel->filter()->parentWidget()->show();
    QTest::keyClick(panel->view(), Qt::Key_Slash);
    QTest::keyClicks(panel->filter(), QStringLiteral("r-0003"));
    EXPECT_EQ(panel->model().rowCount(), 1);
    QTest::keyClick(panel->filter(), Qt::Key_Escape);
    EXPECT_GT(panel->model().rowCount(), 1);
}

TEST_F(Widgets, HeadersSort) {
    auto panel = open<RequestsPanel>({920, 238});
    const int column = static_cast<int>(RequestColumn::kPrompt);
    const auto click = [&] {
        const int x = panel->view()->horizontalHeader()->sectionViewportPosition(column) + 10;
        QTest::mouseClick(panel->view()->horizontalHeader()->viewport(), Qt::LeftButton, {}, {x, 8});
    };
    const auto prompt = [&](int row) { return panel->model().request_at(row)->prompt_tokens; };
    click();
    EXPECT_GE(prompt(0), prompt(1));
    EXPECT_EQ(panel->presenter().sort_column(), RequestColumn::kPrompt);
    click();
    EXPECT_LE(prompt(0), prompt(1));
    click();
    EXPECT_FALSE(panel->presenter().sort_column());
}

TEST_F(Widgets, TheStreamGrowsWithTheAnswerInWholeCharacters) {
    auto panel = open<RequestsPanel>({920, 238});
    const RequestId request = top_.longest_running();
    top_.selection.select_request(request);
    for (int tick = 0; tick < 10; ++tick) {
        top_.feed(scene_, .3);
        panel->refresh();
        QString shown = panel->detail()->text();
        if (!top_.store.find_request(request)->ended()) {
            ASSERT_TRUE(shown.endsWith(QChar(0x258C))) << "more comes";
            shown.chop(1);
        }
        ASSERT_EQ(shown, QString::fromStdString(top_.store.output_text(request)));
        ASSERT_FALSE(shown.contains(QChar::ReplacementCharacter));
    }
}

TEST_F(Widgets, APromptIsSentByCtrlEnterAndSelected) {
    auto panel = open<PromptPanel>({320, 360});
    top_.control.next.request = RequestId{4711};
    panel->input()->setFocus();
    QTest::keyClicks(panel->input(), QStringLiteral("What is a block table?"));
    QTest::keyClick(panel->input(), Qt::Key_Return, Qt::ControlModifier);
    ASSERT_EQ(top_.control.prompts.size(), 1u);
    EXPECT_EQ(top_.control.prompts[0].messages.at(0).content, "What is a block table?");
    EXPECT_EQ(top_.selection.request(), RequestId{4711});
    EXPECT_TRUE(panel->input()->toPlainText().isEmpty());
}

TEST_F(Widgets, APromptIsSampledAsItsFieldsSay) {
    auto panel = open<PromptPanel>({420, 420});
    SamplingFields& fields = panel->fields();
    EXPECT_FALSE(fields.seed()->isVisible()) << "rarely turned";
    QTest::mouseClick(fields.more(), Qt::LeftButton);
    EXPECT_TRUE(fields.seed()->isVisible());
    fields.seed()->setValue(7);
    fields.top_p()->setValue(.9);
    fields.stop()->setText(QStringLiteral("\\nUser:"));
    QTest::mouseClick(fields.more(), Qt::LeftButton);
    panel->input()->setPlainText(QStringLiteral("Hello"));
    QTest::mouseClick(panel->send_button(), Qt::LeftButton);
    ASSERT_EQ(top_.control.prompts.size(), 1u);
    const telemetry::PromptSpec& sent = top_.control.prompts[0];
    EXPECT_EQ(sent.seed, 7u);
    EXPECT_FLOAT_EQ(sent.top_p, .9f);
    EXPECT_FLOAT_EQ(sent.repetition_penalty, 1);
    EXPECT_EQ(sent.top_k, 0);
    EXPECT_EQ(sent.stop, std::vector<std::string>{"\nUser:"}) << "also while they are hidden";
}

TEST_F(Widgets, ARefusedPromptKeepsItsText) {
    auto panel = open<PromptPanel>({320, 360});
    top_.control.next = {telemetry::Verdict::kRefused, "this is a replay", 0, kNoRequest};
    panel->input()->setPlainText(QStringLiteral("Hello"));
    QTest::mouseClick(panel->send_button(), Qt::LeftButton);
    EXPECT_EQ(panel->input()->toPlainText(), QStringLiteral("Hello"));
    EXPECT_TRUE(panel->status()->text().contains(QStringLiteral("this is a replay")));
    EXPECT_EQ(top_.selection.request(), kNoRequest);
}

/// Ten frames a second of each, events, refresh and painting: what the window's budget of a fifth of a core has to pay.
TEST_F(Widgets, AFrameCostsLittle) {
    auto map = open<KvBlockMapPanel>({920, 238});
    auto batch = open<BatchPanel>({920, 288});
    auto requests = open<RequestsPanel>({920, 182});
    top_.selection.select_request(top_.longest_running());
    for (Panel* panel : {static_cast<Panel*>(map.get()), static_cast<Panel*>(batch.get()),
                         static_cast<Panel*>(requests.get())}) {
        QImage image(panel->size(), QImage::Format_RGB32);
        double best_ms = 1e9;
        for (int frame = 0; frame < 12; ++frame) {
            top_.feed(scene_, .1);
            const auto start = std::chrono::steady_clock::now();
            panel->refresh();
            panel->render(&image);
            const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
            best_ms = std::min(best_ms, took.count());
        }
        std::printf("%s: %.2f ms a frame\n", qPrintable(panel->id()), best_ms);
        EXPECT_LT(best_ms, 60) << "sanitizers and a busy machine included";
    }
}

TEST_F(Widgets, AStepChosenElsewhereComesIntoSight) {
    auto panel = open<BatchPanel>({920, 288});
    const StepId first{top_.store.steps().front().step.step_id};
    ASSERT_FALSE(panel->presenter().column_of(first));
    top_.selection.select_step(first);
    EXPECT_TRUE(panel->presenter().column_of(first));
    EXPECT_FALSE(panel->presenter().axis().follows());
    QTest::keyClick(panel->chart(), Qt::Key_Escape);
    EXPECT_TRUE(panel->presenter().axis().follows()) << "let go: it goes on with the newest";
}

TEST_F(Widgets, RowsStandStillForAHandThatAims) {
    auto panel = open<RequestsPanel>({920, 238});
    const auto before = panel->presenter().order();
    QTest::mouseMove(panel->view()->viewport(), {200, 60});
    top_.feed(scene_, 3);
    panel->refresh();
    EXPECT_EQ(panel->presenter().order(), before);
    EXPECT_EQ(panel->model().rowCount(), int(before.size()));
    QEvent leave(QEvent::Leave);
    QCoreApplication::sendEvent(panel->view(), &leave);
    panel->refresh();
    EXPECT_GT(panel->presenter().order().size(), before.size())
        << "what waited is there, though nothing came";
}

TEST_F(Widgets, TheSelectedRowKeepsItsPlace) {
    auto panel = open<RequestsPanel>({920, 238});
    top_.selection.select_request(panel->presenter().order()[30]);
    const auto place = panel->view()->place_of_selected();
    ASSERT_TRUE(place);
    for (int tick = 0; tick < 8; ++tick) {
        top_.feed(scene_, .5);
        panel->refresh();
        ASSERT_EQ(panel->view()->place_of_selected(), place);
    }
}

/// A long answer's list is added to, not written anew.
TEST_F(Widgets, TokensAreAddedBelowAndDroppedAbove) {
    auto panel = open<RequestsPanel>({920, 238});
    const auto tell = [&](telemetry::RequestPhase phase, uint32_t tokens, uint32_t times) {
        for (uint32_t i = 0; i < times; ++i) {
            telemetry::Event event;
            event.kind = telemetry::EventKind::kRequest;
            event.t_ns = top_.store.now_ns() + 1'000'000;
            event.request = {};
            event.request.request = RequestId{9000};
            event.request.phase = phase;
            event.request.output_tokens = tokens + i;
            event.request.token = 1;
            top_.store.apply({&event, 1});
        }
        panel->refresh();
    };
    tell(telemetry::RequestPhase::kArrived, 0, 1);
    top_.selection.select_request(RequestId{9000});
    panel->detail()->set_show(RequestDetail::Show::kTokens);
    tell(telemetry::RequestPhase::kToken, 1, 2100);
    const auto first_number = [&] {
        return panel->detail()->text().section(u'\n', 0, 0).simplified().section(u' ', 0, 0);
    };
    const auto lines = [&] { return panel->detail()->text().count(u'\n'); };
    EXPECT_EQ(first_number(), QStringLiteral("101"));
    EXPECT_EQ(lines(), 2000);
    tell(telemetry::RequestPhase::kToken, 2101, 1);
    EXPECT_EQ(first_number(), QStringLiteral("101")) << "one more below, nothing moves above";
    EXPECT_EQ(lines(), 2001);
    tell(telemetry::RequestPhase::kToken, 2102, 400);
    EXPECT_EQ(lines(), 2000);
    EXPECT_EQ(first_number(), QStringLiteral("502"));
}

TEST_F(Widgets, TheTextOfARequestOfLongAgoComesFromTheRecording) {
    top_.store.clear({.detail_ns = 2'000'000'000});
    Scene scene({.arrivals_per_s = 6});
    top_.feed(scene, 30);
    const auto& rows = top_.store.requests();
    const auto old = std::find_if(rows.begin(), rows.end(), [](const auto& entry) {
        return entry.second.folded && entry.second.output_tokens > 0;
    });
    ASSERT_NE(old, rows.end());
    struct Recorded final : Recollection {
        mutable int asked = 0;
        bool found = true;
        std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& row) const override {
            ++asked;
            if (!found) return std::nullopt;
            return telemetry::RecordedRequest{"What was asked", {{1, row.first_token_ns}}};
        }
    } recorded;
    PanelContext context = top_.context();
    context.recollection = &recorded;
    RequestsPanel panel(context);
    panel.resize(920, 238);
    panel.show();
    top_.selection.select_request(old->first);
    panel.refresh();
    const auto answer = top_.store.text(telemetry::DictionaryKind::kToken, 1);
    EXPECT_EQ(panel.detail()->text().toStdString(), answer);
    panel.detail()->set_show(RequestDetail::Show::kPrompt);
    panel.refresh();
    EXPECT_EQ(panel.detail()->text(), QStringLiteral("What was asked"));
    EXPECT_EQ(recorded.asked, 1) << "not at every frame";

    recorded.found = false;
    RequestsPanel other(context);
    other.resize(920, 238);
    other.show();
    other.refresh();
    EXPECT_TRUE(other.detail()->text().contains(QStringLiteral("no recording has it")));
}

TEST_F(Widgets, BelowTheTableStandsWhatTheFilterDidNotSearch) {
    top_.store.clear({.detail_ns = 2'000'000'000});
    Scene scene({.arrivals_per_s = 6});
    top_.feed(scene, 30);
    auto panel = open<RequestsPanel>({500, 120});
    EXPECT_FALSE(panel->note()->isVisible());
    const int table = panel->view()->height();
    panel->filter()->setText(QStringLiteral("paged"));
    EXPECT_TRUE(panel->note()->isVisible());
    EXPECT_TRUE(panel->rect().contains(panel->note()->geometry()));
    EXPECT_LT(panel->view()->geometry().bottom(), panel->note()->y()) << "the table makes room";
    panel->filter()->clear();
    EXPECT_FALSE(panel->note()->isVisible());
    EXPECT_EQ(panel->view()->height(), table);
}

TEST(EmptyPanels, OfferNothingInAReplay) {
    BenchTop top;
    PanelContext replay = top.context();
    replay.replay = true;
    BatchPanel batch(replay);
    KvBlockMapPanel map(replay);
    RequestsPanel requests(replay);
    for (QWidget* panel :
         {static_cast<QWidget*>(&batch), static_cast<QWidget*>(&map), static_cast<QWidget*>(&requests)}) {
        panel->resize(680, 192);
        panel->show();
        auto* empty = panel->findChild<EmptyState*>();
        ASSERT_TRUE(empty && empty->isVisible());
        EXPECT_FALSE(empty->findChild<QPushButton*>()->isVisible());
    }
}

TEST(EmptyPanels, SayWhatToDoAndDoIt) {
    BenchTop top;
    BatchPanel batch(top.context());
    KvBlockMapPanel map(top.context());
    RequestsPanel requests(top.context());
    for (QWidget* panel :
         {static_cast<QWidget*>(&batch), static_cast<QWidget*>(&map), static_cast<QWidget*>(&requests)}) {
        panel->resize(680, 192);
        panel->show();
        auto* empty = panel->findChild<EmptyState*>();
        ASSERT_TRUE(empty);
        EXPECT_TRUE(empty->isVisible());
        QTest::mouseClick(empty->findChild<QPushButton*>(), Qt::LeftButton);
    }
    EXPECT_EQ(top.control.calls, (std::vector<std::string>{"set workload_running=true", "keyframe",
                                                           "set workload_running=true"}));
}

}  // namespace
}  // namespace pitwall::testing
