// SPDX-License-Identifier: GPL-3.0-or-later
//
// A prompt from the keys to the engine.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/prompt/prompt_panel.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

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

}  // namespace
}  // namespace pitwall::testing
