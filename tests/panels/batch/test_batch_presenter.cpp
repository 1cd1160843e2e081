// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "panels/batch/batch_presenter.h"
#include "panels/common/format.h"
#include "tests/panels/speculation/draft_session.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {
namespace {

using namespace panels;

constexpr QSize kSizes[] = {{680, 192}, {920, 238}, {1316, 412}};

class BatchTest : public ::testing::Test {
  protected:
    BatchTest() : scene_({.arrivals_per_s = 6, .change_at_s = 19}), presenter_(top_.store) {
        presenter_.set_size(920, 288, 1);
    }
    const telemetry::StepEvent& step_of(const BatchColumn& column) {
        return top_.store.find_step(column.id)->step;
    }
    SceneDesk top_;
    Scene scene_;
    BatchPresenter presenter_;
};

TEST_F(BatchTest, NothingToShowIsNoTrouble) {
    EXPECT_TRUE(presenter_.refresh());
    EXPECT_TRUE(presenter_.empty());
    EXPECT_TRUE(presenter_.bars().empty());
    EXPECT_TRUE(presenter_.scope().isEmpty());
    EXPECT_FALSE(presenter_.step_at(400));
    EXPECT_FALSE(presenter_.moved_step(1));
    EXPECT_EQ(presenter_.moved_request(1), kNoRequest);
    presenter_.zoom(3, 200);
    presenter_.pan(100);
    presenter_.refresh();
}

TEST_F(BatchTest, TheNewestStepStandsAtTheRightEdge) {
    top_.feed(scene_, 10);
    for (const QSize size : kSizes) {
        presenter_.set_size(size.width(), size.height(), 1);
        presenter_.refresh();
        const BatchColumn& last = presenter_.columns().back();
        EXPECT_EQ(last.x + last.w, presenter_.bands().right);
        EXPECT_EQ(last.last_id, StepId{top_.store.steps().back().step.step_id});
        EXPECT_GE(presenter_.columns().front().x, presenter_.bands().left);
    }
}

TEST_F(BatchTest, EveryStepInSightIsInExactlyOneColumnAtEveryZoom) {
    top_.feed(scene_, 20);
    for (const auto mode : {BatchAxis::Mode::kSteps, BatchAxis::Mode::kTime}) {
        presenter_.set_mode(mode);
        presenter_.zoom(8, 500);
        for (int level = 0; level < 16; ++level) {
            presenter_.refresh();
            const auto& columns = presenter_.columns();
            ASSERT_FALSE(columns.empty());
            size_t next = columns.front().first;
            int x = columns.front().x;
            for (const BatchColumn& c : columns) {
                EXPECT_EQ(c.first, next);
                EXPECT_GE(c.x, x) << "columns overlap";
                EXPECT_GE(c.w, 1);
                EXPECT_TRUE(c.fullest >= c.first && c.fullest < c.first + c.count);
                next = c.first + c.count;
                x = c.x + c.w;
            }
            EXPECT_EQ(next, top_.store.steps().size());
            presenter_.zoom(-1, 500);
        }
    }
}

TEST_F(BatchTest, HitTestingGoesBothWays) {
    top_.feed(scene_, 20);
    for (const QSize size : kSizes) {
        presenter_.set_size(size.width(), size.height(), 1);
        presenter_.refresh();
        for (const BatchColumn& c : presenter_.columns()) {
            EXPECT_EQ(presenter_.step_at(c.x), c.id);
            EXPECT_EQ(presenter_.step_at(c.x + c.w - 1), c.id);
            EXPECT_EQ(presenter_.column_of(c.id), &c);
        }
        for (const BatchSpan& s : presenter_.spans()) {
            const int y = presenter_.lane_y(s.lane);
            if (y < 0) continue;
            EXPECT_EQ(presenter_.request_at((s.x0 + s.x1) / 2, y + 1), s.request);
        }
        EXPECT_EQ(presenter_.request_at(presenter_.bands().left, presenter_.bands().top), kNoRequest);
    }
}

TEST_F(BatchTest, HeightsAreTheStepsTokens) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    std::map<int, int> height;  // x -> stacked pixels
    for (const BatchBar& bar : presenter_.bars())
        if (bar.role <= BatchRole::kPrefill) height[bar.x] += bar.h;
    for (const BatchColumn& c : presenter_.columns()) {
        const auto& s = step_of(c);
        const double tokens = s.prefill_tokens + s.decode_tokens + s.draft_tokens + s.recompute_tokens;
        EXPECT_NEAR(height[c.x], presenter_.bands().base - presenter_.y_of(tokens), 4)
            << "step " << s.step_id;
    }
}

TEST_F(BatchTest, BarsStayInsideTheirBands) {
    for (const QSize size : kSizes) {
        presenter_.set_size(size.width(), size.height(), 1);
        top_.feed(scene_, 4);
        presenter_.refresh();
        const BatchBands& b = presenter_.bands();
        for (const BatchBar& bar : presenter_.bars()) {
            EXPECT_GE(bar.x, b.left);
            EXPECT_LE(bar.x + bar.w, b.right);
            EXPECT_GE(bar.w, 1);
            EXPECT_GE(bar.h, 1);
            EXPECT_GE(bar.y, b.top);
            EXPECT_LE(bar.y + bar.h, b.axis);
        }
    }
}

/// Two requests never share a lane at the same time, and nobody changes lanes.
TEST_F(BatchTest, LanesAreKeptAndNeverShared) {
    BatchLanes lanes;
    std::map<RequestId, int> first_lane;
    for (int tick = 0; tick < 60; ++tick) {
        const size_t before = top_.store.steps().size();
        top_.feed(scene_, .3);
        lanes.follow(top_.store);
        for (size_t i = before; i < top_.store.steps().size(); ++i) {
            std::set<int> taken;
            std::set<RequestId> members;
            for (const auto& m : top_.store.steps()[i].members) {
                if (!members.insert(m.request).second) continue;
                const int lane = lanes.lane_of(m.request);
                ASSERT_GE(lane, 0);
                EXPECT_TRUE(taken.insert(lane).second) << "step " << i;
                EXPECT_EQ(first_lane.try_emplace(m.request, lane).first->second, lane);
            }
        }
    }
    EXPECT_GT(first_lane.size(), 50u);
}

TEST_F(BatchTest, AChangeIsMarkedAtTheStepItGoverns) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    ASSERT_EQ(top_.store.knob_changes().size(), 1u);
    ASSERT_EQ(presenter_.markers().size(), 1u);
    EXPECT_EQ(presenter_.markers()[0].number, 1u);
    const BatchColumn* column = presenter_.column_of(StepId{top_.store.knob_changes()[0].event.step_id});
    ASSERT_TRUE(column);
    EXPECT_EQ(presenter_.markers()[0].x, column->x);
    EXPECT_EQ(presenter_.budgets().size(), 2u);
    EXPECT_EQ(presenter_.budget_text(), QStringLiteral("max_num_batched_tokens 256"));
}

TEST_F(BatchTest, PanningStopsFollowingAndComesBack) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    presenter_.pan(400);
    presenter_.refresh();
    EXPECT_FALSE(presenter_.axis().follows());
    const StepId edge = presenter_.columns().back().last_id;
    top_.feed(scene_, 2);
    presenter_.refresh();
    EXPECT_EQ(presenter_.columns().back().last_id, edge) << "it stays where it was put";
    EXPECT_TRUE(presenter_.scope().startsWith(QStringLiteral("steps ")));
    presenter_.pan(-100'000);
    presenter_.refresh();
    EXPECT_TRUE(presenter_.axis().follows());
    presenter_.pan(10'000'000);
    presenter_.refresh();
    EXPECT_EQ(presenter_.columns().front().first, 0u) << "not past the first step";
}

TEST_F(BatchTest, KeysMoveStepByStepAndBringItIntoSight) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    StepId at = *presenter_.moved_step(0);
    EXPECT_EQ(raw(at), top_.store.steps().back().step.step_id);
    for (int i = 0; i < 400; ++i) {
        presenter_.set_selection(kNoRequest, at);
        at = *presenter_.moved_step(-1);
    }
    presenter_.set_selection(kNoRequest, at);
    presenter_.refresh();
    EXPECT_EQ(raw(at), top_.store.steps().back().step.step_id - 400);
    EXPECT_TRUE(presenter_.column_of(at));
}

TEST_F(BatchTest, TheReadingIsTheStepsFigures) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    const BatchColumn& c = presenter_.columns()[presenter_.columns().size() / 2];
    presenter_.set_hover(c.id);
    const auto& s = step_of(c);
    EXPECT_EQ(presenter_.reading_title(),
              QStringLiteral("step %1, tokens").arg(format_count(int64_t(s.step_id))));
    uint64_t sum = 0;
    for (const BatchReading& item : presenter_.reading())
        if (item.role != BatchRole::kCached) sum += item.value.toULongLong();
    EXPECT_EQ(sum, s.budget_tokens) << "used and unused are the budget";
    const BatchCard card = presenter_.card(c.id, kNoRequest);
    EXPECT_TRUE(card.title.startsWith(QStringLiteral("Step ")));
    EXPECT_EQ(card.lines.size(), 2u);
}

TEST(BatchCards, DraftingIsAPartOfTheStep) {
    for (const int64_t make_ns : {50'000, 5'000'000}) {
        Told told;
        const DraftSession session(
            told, make_ns);  // its third step has one sequence with one draft and takes 2.2 ms
        BatchPresenter presenter(told.store);
        EXPECT_FALSE(presenter.card(StepId{0}, kNoRequest).lines[1].contains("draft"));
        const QString parts = presenter.card(StepId{2}, kNoRequest).lines[1];
        EXPECT_TRUE(parts.contains("draft " + format_duration(double(make_ns)).text()))
            << parts.toStdString();
        EXPECT_EQ(parts.contains("with reading before it"), make_ns > 2'200'000) << parts.toStdString();
    }
}

TEST_F(BatchTest, ASelectedRequestIsShownEvenWhenLanesRunOut) {
    Scene busy({.max_seqs = 64, .arrivals_per_s = 30});
    top_.feed(busy, 8);
    presenter_.set_size(920, 150, 1);
    presenter_.refresh();
    ASSERT_LT(presenter_.lanes_shown(), presenter_.lanes_needed());
    const auto hidden = std::find_if(presenter_.spans().begin(), presenter_.spans().end(),
                                     [&](const BatchSpan& s) { return presenter_.lane_y(s.lane) < 0; });
    ASSERT_NE(hidden, presenter_.spans().end());
    const RequestId request = hidden->request;
    presenter_.set_selection(request, std::nullopt);
    presenter_.refresh();
    EXPECT_GE(presenter_.lane_y(presenter_.span_of(request)->lane), 0);
}

TEST_F(BatchTest, ASeekStartsAgain) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    top_.store.clear();
    EXPECT_FALSE(presenter_.step_at(900) &&
                 presenter_.card(*presenter_.step_at(900), kNoRequest).title.size() > 0)
        << "what is gone is not told";
    presenter_.csv();
    presenter_.scope();
    presenter_.refresh();
    EXPECT_TRUE(presenter_.bars().empty());
    Scene other({.seed = 4});
    top_.feed(other, 5);
    presenter_.refresh();
    EXPECT_FALSE(presenter_.spans().empty());
    for (const BatchSpan& s : presenter_.spans()) EXPECT_GE(s.lane, 0);
}

TEST_F(BatchTest, CsvHoldsTheStepsInSight) {
    top_.feed(scene_, 10);
    presenter_.refresh();
    const size_t shown = presenter_.columns().back().first + presenter_.columns().back().count -
                         presenter_.columns().front().first;
    EXPECT_EQ(presenter_.csv().count(u'\n'), qsizetype(shown) + 1);
}

}  // namespace
}  // namespace pitwall::testing
