// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "panels/prompt/prompt_presenter.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using State = PromptPresenter::State;
using telemetry::RequestPhase;

class PromptTest : public ::testing::Test {
  protected:
    PromptTest() : presenter_(top_.store) { top_.control.next.request = RequestId{5}; }

    void tell(RequestPhase phase, telemetry::FinishReason reason = {}, int32_t token = -1,
              uint32_t made = 0) {
        telemetry::Event e;
        e.kind = telemetry::EventKind::kRequest;
        e.t_ns = 1'000'000 * ++ms_;
        e.request = {};
        e.request.request = RequestId{5};
        e.request.phase = phase;
        e.request.reason = reason;
        e.request.token = token;
        e.request.output_tokens = made;
        top_.store.apply({&e, 1});
    }
    void word(uint32_t id, const char* text) {
        telemetry::Event e;
        e.kind = telemetry::EventKind::kDictionary;
        const std::string bytes = text;
        e.dictionary = {telemetry::DictionaryKind::kToken,
                        static_cast<uint8_t>(bytes.size()),
                        0,
                        id,
                        static_cast<uint32_t>(bytes.size()),
                        0,
                        {}};
        std::copy(bytes.begin(), bytes.end(), e.dictionary.bytes);
        top_.store.apply({&e, 1});
    }
    void answer() {
        word(1, "Blue");
        tell(RequestPhase::kArrived);
        tell(RequestPhase::kFirstToken, {}, 1, 1);
        tell(RequestPhase::kFinished, telemetry::FinishReason::kStop, -1, 1);
    }

    SceneDesk top_;
    PromptPresenter presenter_;
    int64_t ms_ = 0;
};

TEST_F(PromptTest, AnEmptyPromptIsNotSent) {
    EXPECT_FALSE(presenter_.send(QStringLiteral("  \n "), top_.control));
    EXPECT_TRUE(top_.control.prompts.empty());
    EXPECT_EQ(presenter_.state(), State::kError);
    EXPECT_TRUE(presenter_.status().contains(QStringLiteral("empty")));
    EXPECT_FALSE(presenter_.send(QString(PromptPresenter::kMaxBytes + 1, u'x'), top_.control));
    EXPECT_TRUE(presenter_.status().contains(QStringLiteral("longer than")));
}

TEST_F(PromptTest, SettingsTravelWithThePrompt) {
    presenter_.set_chat(false);
    presenter_.settings().max_tokens = 40;
    presenter_.settings().temperature = .5f;
    presenter_.settings().priority = 3;
    ASSERT_TRUE(presenter_.send(QStringLiteral("Once upon"), top_.control));
    const telemetry::PromptSpec& sent = top_.control.prompts.at(0);
    EXPECT_EQ(sent.prompt, "Once upon");
    EXPECT_TRUE(sent.messages.empty());
    EXPECT_EQ(sent.max_tokens, 40u);
    EXPECT_FLOAT_EQ(sent.temperature, .5f);
    EXPECT_EQ(sent.priority, 3);
}

TEST_F(PromptTest, AChatTakesItsTurnsAlong) {
    ASSERT_TRUE(presenter_.send(QStringLiteral("What colour is the sky?"), top_.control));
    EXPECT_EQ(presenter_.poll(), RequestId{5});
    EXPECT_FALSE(presenter_.send(QStringLiteral("too early"), top_.control)) << "its turn still runs";
    answer();
    EXPECT_TRUE(presenter_.refresh());
    EXPECT_EQ(presenter_.state(), State::kDone);
    ASSERT_EQ(presenter_.turns().size(), 2u);
    EXPECT_EQ(presenter_.turns()[1].text, QStringLiteral("Blue"));
    ASSERT_TRUE(presenter_.send(QStringLiteral("And at night?"), top_.control));
    const auto& messages = top_.control.prompts.at(1).messages;
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[0].role, "user");
    EXPECT_EQ(messages[1].role, "assistant");
    EXPECT_EQ(messages[1].content, "Blue");
    EXPECT_EQ(messages[2].content, "And at night?");
    EXPECT_TRUE(top_.control.prompts.at(1).prompt.empty());
    presenter_.new_chat();
    EXPECT_TRUE(presenter_.turns().empty());
}

TEST_F(PromptTest, NothingWaitsForTheEngine) {
    top_.control.held = true;
    ASSERT_TRUE(presenter_.send(QStringLiteral("Hello"), top_.control));
    EXPECT_EQ(presenter_.poll(), kNoRequest);
    EXPECT_FALSE(presenter_.send(QStringLiteral("again"), top_.control)) << "one at a time";
    EXPECT_EQ(presenter_.state(), State::kSent);
    top_.control.answer(top_.control.next);
    EXPECT_EQ(presenter_.poll(), RequestId{5});
    EXPECT_EQ(presenter_.poll(), kNoRequest) << "told once";
}

TEST_F(PromptTest, ARefusalIsToldInItsOwnWords) {
    top_.control.next = {telemetry::Verdict::kRefused, "the queue is full: raise max_queue_length", 0,
                         kNoRequest};
    ASSERT_TRUE(presenter_.send(QStringLiteral("Hello"), top_.control));
    EXPECT_EQ(presenter_.poll(), kNoRequest);
    EXPECT_EQ(presenter_.state(), State::kError);
    EXPECT_TRUE(presenter_.status().contains(QStringLiteral("the queue is full")));
    EXPECT_TRUE(presenter_.turns().empty());
}

TEST_F(PromptTest, ARequestThatFailsLaterDoesNotStayInTheChat) {
    ASSERT_TRUE(presenter_.send(QStringLiteral("Hello"), top_.control));
    presenter_.poll();
    tell(RequestPhase::kArrived);
    tell(RequestPhase::kRejected, telemetry::FinishReason::kRejected);
    presenter_.refresh();
    EXPECT_EQ(presenter_.state(), State::kError);
    EXPECT_TRUE(presenter_.turns().empty());
    EXPECT_TRUE(presenter_.send(QStringLiteral("Hello again"), top_.control));
    EXPECT_EQ(top_.control.prompts.at(1).messages.size(), 1u);
}

TEST_F(PromptTest, AnEngineThatGoesAwayIsAnError) {
    {
        FakeControl gone;
        gone.held = true;
        ASSERT_TRUE(presenter_.send(QStringLiteral("Hello"), gone));
    }
    EXPECT_EQ(presenter_.poll(), kNoRequest);
    EXPECT_EQ(presenter_.state(), State::kError);
}

}  // namespace
}  // namespace pitwall::testing
