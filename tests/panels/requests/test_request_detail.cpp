// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stands beside the table: the text and the tokens of the selected request.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "panels/requests/requests_panel.h"
#include "panels/requests/token_origins.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

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

/// Whatever a token is, it has one line.
TEST_F(Widgets, NoTokenTearsItsLine) {
    auto panel = open<RequestsPanel>({920, 238});
    const std::string texts[] = {"a",      "\n",     "\r",    "\r\n", "\v", std::string(1, '\0'),
                                 "\u2028", "\u2029", "\uFDD0"};
    for (uint32_t i = 0; i < std::size(texts); ++i) {
        telemetry::Event event;
        event.kind = telemetry::EventKind::kDictionary;
        event.dictionary = {};
        event.dictionary.dictionary = telemetry::DictionaryKind::kToken;
        event.dictionary.id = 90'000 + i;
        event.dictionary.length = uint8_t(texts[i].size());
        event.dictionary.total_bytes = event.dictionary.length;
        std::copy(texts[i].begin(), texts[i].end(), event.dictionary.bytes);
        top_.store.apply({&event, 1});
        event.kind = telemetry::EventKind::kRequest;
        event.t_ns = top_.store.now_ns();
        event.request = {};
        event.request.request = RequestId{9002};
        event.request.phase = telemetry::RequestPhase::kToken;
        event.request.token = TokenId(90'000 + i);
        top_.store.apply({&event, 1});
    }
    top_.selection.select_request(RequestId{9002});
    panel->detail()->set_show(RequestDetail::Show::kTokens);
    panel->refresh();
    const QStringList lines = panel->detail()->text().split(u'\n');
    ASSERT_EQ(size_t(lines.size()), std::size(texts) + 1);
    EXPECT_TRUE(lines[0].endsWith(u"\u201ca\u201d"));
    EXPECT_TRUE(lines[2].endsWith(u"<0d>"));
    EXPECT_TRUE(lines[6].endsWith(u"<e2><80><a8>"));
}

TEST_F(Widgets, TokensSayWhetherTheyWereDrafted) {
    auto panel = open<RequestsPanel>({920, 240});
    using telemetry::TokenOrigin;
    for (const auto origin :
         {TokenOrigin::kPlain, TokenOrigin::kAccepted, TokenOrigin::kAccepted, TokenOrigin::kBonus}) {
        telemetry::Event event;
        event.kind = telemetry::EventKind::kRequest;
        event.t_ns = top_.store.now_ns();
        event.request = {};
        event.request.request = RequestId{9001};
        event.request.phase = telemetry::RequestPhase::kToken;
        event.request.origin = origin;
        top_.store.apply({&event, 1});
    }
    EXPECT_EQ(origins_phrase(*top_.store.find_request(RequestId{9001})),
              "2 accepted, 0 corrected, 1 bonus, 1 plain");
    top_.selection.select_request(RequestId{9001});
    panel->detail()->set_show(RequestDetail::Show::kTokens);
    panel->refresh();
    const QStringList lines = panel->detail()->text().split(u'\n');
    ASSERT_GE(lines.size(), 4);
    EXPECT_FALSE(lines[0].contains("plain"));
    EXPECT_TRUE(lines[1].endsWith("  accepted"));
    EXPECT_TRUE(lines[3].endsWith("  bonus"));
    EXPECT_TRUE(origins_phrase(top_.store.requests().begin()->second).isEmpty()) << "nothing was drafted";
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
            return telemetry::RecordedRequest{"What was asked",
                                              {{1, telemetry::TokenOrigin::kPlain, row.first_token_ns}}};
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

}  // namespace
}  // namespace pitwall::testing
