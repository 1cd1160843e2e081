// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of requests under pointer and keys.
#include <gtest/gtest.h>

#include <QHeaderView>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <algorithm>

#include "panels/requests/requests_panel.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

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

class Paints : public QObject {
  public:
    int count = 0;
    bool eventFilter(QObject* /*watched*/, QEvent* event) override {
        count += event->type() == QEvent::Paint;
        return false;
    }
};

TEST_F(Widgets, NewRowsArePaintedOnce) {
    auto panel = open<RequestsPanel>({920, 238});
    const auto settle = [] {
        QTest::qWait(50);
        for (int i = 0; i < 5; ++i) QCoreApplication::processEvents();  // a slow machine's, too
    };
    settle();
    Paints paints;
    panel->view()->viewport()->installEventFilter(&paints);
    QSignalSpy reordered(&panel->model(), &QAbstractItemModel::layoutChanged);
    for (int tick = 1; tick <= 5; ++tick) {
        paints.count = 0;
        top_.feed(scene_, 2);
        panel->refresh();
        settle();
        EXPECT_EQ(paints.count, 1);
    }
    EXPECT_GT(reordered.count(), 0) << "which is what asks for a new layout";
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

}  // namespace
}  // namespace pitwall::testing
