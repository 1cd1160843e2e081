// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QAbstractItemModelTester>
#include <algorithm>
#include <cmath>
#include <set>

#include "panels/common/format.h"
#include "panels/requests/cancel_question.h"
#include "panels/requests/requests_model.h"
#include "panels/requests/requests_view.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using telemetry::RequestRow;
using telemetry::RequestState;

class RequestsTest : public ::testing::Test {
  protected:
    RequestsTest() : scene_({.arrivals_per_s = 6}), presenter_(top_.store) {}

    /// The slow way: everything looked at anew.
    std::vector<RequestId> expected(std::optional<RequestColumn> column, bool descending) const {
        struct Row {
            double group, key;
            RequestId id;
        };
        std::vector<Row> rows;
        for (const auto& [id, row] : top_.store.requests()) {
            const bool runs = row.state == RequestState::kPrefill || row.state == RequestState::kDecode;
            const double key = column ? sort_value(row, *column) : 0;
            rows.push_back({column ? 0 : row.ended() ? 2.0 : runs ? 0.0 : 1.0, key, id});
        }
        std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
            if (a.group != b.group) return a.group < b.group;
            if (std::isnan(a.key) != std::isnan(b.key)) return std::isnan(b.key);
            if (!std::isnan(a.key) && a.key != b.key) return descending ? a.key > b.key : a.key < b.key;
            return raw(a.id) > raw(b.id);
        });
        std::vector<RequestId> ids;
        for (const Row& row : rows) ids.push_back(row.id);
        return ids;
    }

    SceneDesk top_;
    Scene scene_;
    RequestsPresenter presenter_;
};

TEST_F(RequestsTest, IncrementalOrderIsTheOrderFromScratch) {
    const std::optional<RequestColumn> columns[] = {
        std::nullopt,          RequestColumn::kPrompt, RequestColumn::kTtft,  RequestColumn::kTpot,
        RequestColumn::kState, RequestColumn::kCauses, RequestColumn::kCached};
    for (int tick = 0; tick < 120; ++tick) {
        const auto column = columns[tick / 18 % std::size(columns)];
        const bool descending = tick % 36 < 18;
        presenter_.set_sort(column, descending);
        top_.feed(scene_, .25);
        presenter_.refresh();
        ASSERT_EQ(presenter_.order(), expected(column, descending)) << "tick " << tick;
    }
    EXPECT_GT(presenter_.order().size(), 120u);
}

TEST_F(RequestsTest, AModelTesterFindsNothingWhileRowsComeGoAndMove) {
    RequestsModel model(presenter_);
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    std::mt19937 random(7);
    QPersistentModelIndex kept;
    RequestId kept_id = kNoRequest;
    for (int tick = 0; tick < 150; ++tick) {
        if (tick % 9 == 3)
            presenter_.set_sort(static_cast<RequestColumn>(random() % kRequestColumns), random() % 2);
        if (tick % 13 == 5) presenter_.set_filter(random() % 2 ? QStringLiteral("decode") : QString());
        if (tick == 80) {
            top_.store.clear();
            kept = QModelIndex();
        }
        top_.feed(scene_, .2);
        model.follow(presenter_.refresh());
        ASSERT_EQ(model.rowCount(), static_cast<int>(presenter_.order().size()));
        for (int r = 0; r < model.rowCount(); ++r)
            ASSERT_EQ(model.id_at(r), presenter_.order()[static_cast<size_t>(r)]);
        if (kept.isValid()) {
            ASSERT_EQ(model.id_at(kept.row()), kept_id) << "an index follows its request";
        }
        if (!kept.isValid() && model.rowCount() > 3) {
            kept = model.index(2, 0);
            kept_id = model.id_at(2);
        }
    }
}

TEST_F(RequestsTest, FilterWordsMustAllMatch) {
    top_.feed(scene_, 20);
    presenter_.set_filter(QStringLiteral("chat DECODE"));
    presenter_.refresh();
    ASSERT_FALSE(presenter_.order().empty());
    for (const RequestId id : presenter_.order()) EXPECT_EQ(presenter_.row(id)->state, RequestState::kDecode);
    presenter_.set_filter(QStringLiteral("R-0007"));
    presenter_.refresh();
    EXPECT_EQ(presenter_.order(), std::vector<RequestId>{RequestId{7}});
    presenter_.set_filter(QStringLiteral("(12) paged"));
    presenter_.refresh();
    EXPECT_EQ(presenter_.order(), std::vector<RequestId>{RequestId{12}}) << "words of the prompt";
    presenter_.set_filter(QStringLiteral("nobody says this"));
    presenter_.refresh();
    EXPECT_TRUE(presenter_.order().empty());
    EXPECT_EQ(presenter_.moved(kNoRequest, 1), kNoRequest);
}

TEST_F(RequestsTest, TheFilterSaysWhichPromptsItCouldNotSearch) {
    top_.store.clear({.detail_ns = 5'000'000'000});
    top_.feed(scene_, 30);
    const auto& rows = top_.store.requests();
    const auto folded = static_cast<size_t>(
        std::count_if(rows.begin(), rows.end(), [](const auto& entry) { return entry.second.folded; }));
    ASSERT_GT(folded, 1u);
    ASSERT_TRUE(rows.at(RequestId{7}).folded);
    presenter_.refresh();
    EXPECT_EQ(presenter_.unsearched_note(), QString()) << "no filter";
    presenter_.set_filter(QStringLiteral("paged"));
    presenter_.refresh();
    EXPECT_EQ(presenter_.unsearched(), folded);
    EXPECT_TRUE(presenter_.unsearched_note().contains(QStringLiteral(" %1 ").arg(folded)));
    presenter_.set_filter(QStringLiteral("R-0007"));
    presenter_.refresh();
    EXPECT_EQ(presenter_.unsearched(), folded - 1) << "found by its id";
    presenter_.set_filter({});
    presenter_.refresh();
    EXPECT_EQ(presenter_.unsearched_note(), QString());
}

TEST_F(RequestsTest, APromptSearchedBeforeItWentIsNotCountedLater) {
    top_.store.clear({.detail_ns = 5'000'000'000});
    presenter_.set_filter(QStringLiteral("paged"));
    top_.feed(scene_, 2);
    presenter_.refresh();
    for (int second = 0; second < 20; ++second) {
        top_.feed(scene_, 1);
        presenter_.refresh();
    }
    EXPECT_TRUE(top_.store.requests().begin()->second.folded);
    EXPECT_EQ(presenter_.unsearched(), 0u);
    const auto found = std::set<RequestId>(presenter_.order().begin(), presenter_.order().end());
    presenter_.set_sort(RequestColumn::kTtft, true);
    presenter_.refresh();
    EXPECT_EQ(std::set<RequestId>(presenter_.order().begin(), presenter_.order().end()), found)
        << "another order finds no other requests";
    EXPECT_EQ(presenter_.unsearched(), 0u);
}

TEST_F(RequestsTest, CausesAddUpAndKeepTheirOrder) {
    top_.feed(scene_, 20);
    int checked = 0;
    for (const auto& [id, row] : top_.store.requests()) {
        if (!row.ended()) continue;
        int64_t sum = 0;
        telemetry::Cause before{};
        for (const CauseSlice& slice : cause_slices(row)) {
            EXPECT_GE(slice.cause, before);
            before = slice.cause;
            sum += slice.ns;
        }
        EXPECT_EQ(sum, row.e2e_ns()) << "request " << raw(id);
        EXPECT_LE(longest_slices(row, 4).size(), 4u);
        ++checked;
    }
    EXPECT_GT(checked, 20);
}

TEST_F(RequestsTest, CellsSayTheirUnits) {
    RequestRow row;
    row.id = RequestId{778};
    row.state = RequestState::kDecode;
    row.arrival_ns = 0;
    row.scheduled_ns = 1;
    row.first_token_ns = 218'000'000;
    row.last_token_ns = 218'000'000 + 253 * 11'800'000LL;
    row.prompt_tokens = 1219;
    row.cached_tokens = 317;
    row.output_tokens = 254;
    EXPECT_EQ(cell_text(row, RequestColumn::kRequest), QStringLiteral("R-0778"));
    EXPECT_EQ(cell_text(row, RequestColumn::kPrompt), QStringLiteral("1,219"));
    EXPECT_EQ(cell_text(row, RequestColumn::kCached), QStringLiteral("26 %"));
    EXPECT_EQ(cell_text(row, RequestColumn::kTtft), QStringLiteral("218 ms"));
    EXPECT_EQ(cell_text(row, RequestColumn::kTpot), QStringLiteral("11.8 ms"));
    EXPECT_TRUE(missed(row, RequestColumn::kTtft, {200e6, 30e6}));
    EXPECT_FALSE(missed(row, RequestColumn::kTpot, {200e6, 30e6}));
    EXPECT_FALSE(missed(row, RequestColumn::kTtft, {}));
    EXPECT_EQ(detail_time(row, 3'200'000'000), QStringLiteral("3.20 s so far"));
    RequestRow fresh;
    fresh.id = RequestId{9};
    EXPECT_EQ(cell_text(fresh, RequestColumn::kCached), kNoValue);
    EXPECT_EQ(cell_text(fresh, RequestColumn::kTtft), kNoValue);
}

TEST_F(RequestsTest, CsvHasARowForEachRequestShown) {
    top_.feed(scene_, 10);
    presenter_.refresh();
    const QString csv = presenter_.csv();
    EXPECT_EQ(csv.count(u'\n'), qsizetype(presenter_.order().size()) + 1);
    const auto fields = csv.section(u'\n', 0, 0).count(u',');
    for (const QString& line : csv.split(u'\n', Qt::SkipEmptyParts)) EXPECT_EQ(line.count(u','), fields);
}

TEST_F(RequestsTest, ColumnsGoFromTheRightTheBarLastButTwo) {
    EXPECT_EQ(RequestsView::columns_for(2000, 1).size(), size_t(kRequestColumns));
    size_t before = kRequestColumns;
    for (int width = 600; width >= 100; width -= 10) {
        const auto columns = RequestsView::columns_for(width, 1);
        EXPECT_LE(columns.size(), before);
        before = columns.size();
        EXPECT_EQ(columns.front(), RequestColumn::kRequest);
        const bool bar = std::find(columns.begin(), columns.end(), RequestColumn::kCauses) != columns.end();
        EXPECT_EQ(bar, columns.size() > 2) << width;
    }
    EXPECT_EQ(before, 2u);
}

TEST_F(RequestsTest, CancelAsksFirstAndTellsTheAnswer) {
    top_.feed(scene_, 10);
    CancelQuestion question;
    question.ask(nullptr);
    EXPECT_EQ(question.state(), CancelQuestion::State::kTold);
    const RequestRow* row = presenter_.row(top_.longest_running());
    question.ask(row);
    EXPECT_EQ(question.state(), CancelQuestion::State::kAsking);
    EXPECT_TRUE(top_.control.calls.empty()) << "a question is not yet a cancel";
    question.dismiss();
    question.confirm(top_.control);
    EXPECT_TRUE(top_.control.calls.empty());
    question.ask(row);
    top_.control.held = true;
    question.confirm(top_.control);
    EXPECT_EQ(top_.control.calls, std::vector<std::string>{"cancel " + std::to_string(raw(row->id))});
    EXPECT_FALSE(question.poll());
    EXPECT_EQ(question.state(), CancelQuestion::State::kSent);
    top_.control.next = {telemetry::Verdict::kRefused, "a replay cannot be changed", 0, kNoRequest};
    top_.control.answer(top_.control.next);
    EXPECT_TRUE(question.poll());
    EXPECT_TRUE(question.refused());
    EXPECT_TRUE(question.text().contains(QStringLiteral("a replay cannot be changed")));
}

TEST_F(RequestsTest, AnEndedRequestIsNotCancelled) {
    top_.feed(scene_, 20);
    for (const auto& [id, row] : top_.store.requests()) {
        if (!row.ended()) continue;
        CancelQuestion question;
        question.ask(&row);
        EXPECT_TRUE(question.text().contains(QStringLiteral("has ended")));
        question.confirm(top_.control);
        break;
    }
    EXPECT_TRUE(top_.control.calls.empty());
}

}  // namespace
}  // namespace pitwall::testing
