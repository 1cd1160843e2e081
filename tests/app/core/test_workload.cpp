// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "app/core/workload/arrival_gaps.h"
#include "app/core/workload/fit_prompt.h"
#include "app/core/workload/prompt_generator.h"
#include "engine/model/model.h"

using namespace pitwall;
using namespace pitwall::app;
using presets::ArrivalProcess;
using ::testing::HasSubstr;

namespace {

struct Moments {
    double mean_s, variation;
};

Moments moments(ArrivalProcess process, double rate, double shape) {
    constexpr int kGaps = 200'000;
    ArrivalGaps gaps(42);
    double sum = 0, squares = 0;
    for (int i = 0; i < kGaps; ++i) {
        const double s = static_cast<double>(gaps.next_ns(process, rate, shape)) / 1e9;
        sum += s, squares += s * s;
    }
    const double mean = sum / kGaps;
    return {mean, std::sqrt(squares / kGaps - mean * mean) / mean};
}

std::string slurp(const std::string& name) {
    std::ifstream in(PITWALL_SOURCE_DIR "/resources/workloads/" + name);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST(ArrivalGaps, HaveTheMeanAndVariationOfTheirProcess) {
    const auto check = [](ArrivalProcess process, double rate, double shape, double variation) {
        const Moments found = moments(process, rate, shape);
        EXPECT_NEAR(found.mean_s, 1 / rate, 0.02 / rate);
        EXPECT_NEAR(found.variation, variation, 0.02 * std::max(variation, 0.5));
    };
    check(ArrivalProcess::kPoisson, 4, 1, 1);
    check(ArrivalProcess::kPoisson, 0.02, 1, 1);
    check(ArrivalProcess::kGamma, 10, 0.25, 2);
    check(ArrivalProcess::kGamma, 10, 4, 0.5);
    check(ArrivalProcess::kConstant, 8, 1, 0);
}

TEST(ArrivalGaps, AreTheSeeds) {
    ArrivalGaps a(7), b(7), c(8);
    bool differ = false;
    for (int i = 0; i < 100; ++i) {
        const int64_t gap = a.next_ns(ArrivalProcess::kPoisson, 3, 1);
        EXPECT_EQ(gap, b.next_ns(ArrivalProcess::kPoisson, 3, 1));
        differ = differ || gap != c.next_ns(ArrivalProcess::kPoisson, 3, 1);
    }
    EXPECT_TRUE(differ);
}

TEST(WorkloadTexts, ShippedOnesAreWhatTheFoldersHold) {
    const auto read = parse_workload_texts(slurp("chat.json"), slurp("documents.json"), slurp("code.json"));
    ASSERT_TRUE(read.ok()) << read.error().text();
    const WorkloadTexts shipped = shipped_workload_texts();
    EXPECT_EQ(shipped.chats.size(), read.value().chats.size());
    EXPECT_EQ(shipped.documents.front().text, read.value().documents.front().text);
    std::set<std::string> systems;
    for (const ChatScript& chat : shipped.chats) systems.insert(chat.system);
    EXPECT_GE(systems.size(), 3u);
    EXPECT_GT(shipped.chats.size(), 3 * systems.size()) << "system prompts are shared";
}

TEST(WorkloadTexts, OddOnesAreRefused) {
    EXPECT_FALSE(parse_workload_texts("{}", slurp("documents.json"), slurp("code.json")).ok());
    EXPECT_FALSE(parse_workload_texts(slurp("chat.json"), "[", slurp("code.json")).ok());
    EXPECT_FALSE(parse_workload_texts(slurp("chat.json"), slurp("documents.json"), R"({"files": []})").ok());
}

TEST(PromptGenerator, IsDeterministicBySeed) {
    const WorkloadTexts texts = shipped_workload_texts();
    PromptGenerator a(texts, 5), b(texts, 5), c(texts, 6);
    bool differ = false;
    for (int i = 0; i < 50; ++i) {
        const WorkloadPrompt x = a.next(WorkloadKind::kMix, 64), y = b.next(WorkloadKind::kMix, 64),
                             z = c.next(WorkloadKind::kMix, 64);
        ASSERT_EQ(x.spec.messages.size(), y.spec.messages.size());
        if (!x.spec.messages.empty()) {
            EXPECT_EQ(x.spec.messages.back().content, y.spec.messages.back().content);
        }
        EXPECT_EQ(x.spec.prompt, y.spec.prompt);
        EXPECT_EQ(x.spec.max_tokens, y.spec.max_tokens);
        differ = differ || x.spec.prompt != z.spec.prompt || x.spec.max_tokens != z.spec.max_tokens;
    }
    EXPECT_TRUE(differ);
}

TEST(PromptGenerator, TheNextTurnHoldsTheAnswer) {
    const WorkloadTexts texts = shipped_workload_texts();
    PromptGenerator prompts(texts, 3);
    bool went_on = false;
    std::map<ConversationId, std::vector<telemetry::ChatMessage>> last;
    for (int i = 0; i < 200; ++i) {
        const WorkloadPrompt prompt = prompts.next(WorkloadKind::kChat, 64);
        const auto& messages = prompt.spec.messages;
        if (const auto before = last.find(prompt.conversation); before != last.end()) {
            went_on = true;
            ASSERT_EQ(messages.size(), before->second.size() + 2);
            EXPECT_EQ(messages[messages.size() - 2].role, "assistant");
            EXPECT_EQ(messages[messages.size() - 2].content, "answer");
            EXPECT_EQ(messages.front().content, before->second.front().content);
        }
        last[prompt.conversation] = messages;
        prompts.answered(prompt.conversation, "answer");
    }
    EXPECT_TRUE(went_on);
}

TEST(PromptGenerator, AMixHasItsShares) {
    const WorkloadTexts texts = shipped_workload_texts();
    PromptGenerator prompts(texts, 9);
    std::map<std::string, int> count;
    for (int i = 0; i < 3000; ++i) {
        const WorkloadPrompt prompt = prompts.next(WorkloadKind::kMix, 64);
        EXPECT_GE(prompt.spec.max_tokens, 1u);
        EXPECT_LE(prompt.spec.max_tokens, 64u);
        ++count[prompt.spec.request_class];
    }
    EXPECT_NEAR(count["chat"], 1800, 150);
    EXPECT_NEAR(count["document"], 600, 120);
    EXPECT_NEAR(count["code"], 600, 120);
}

TEST(FitPrompt, KeepsToTheLimitAndKeepsTheQuestion) {
    const auto model = engine::open_model("synthetic:tiny", 1, false);
    ASSERT_TRUE(model.ok());
    const auto tokenizer = engine::Tokenizer::create(model.value()->vocabulary());
    ASSERT_TRUE(tokenizer.ok());
    const WorkloadTexts texts = shipped_workload_texts();
    PromptGenerator prompts(texts, 4);
    for (const uint32_t limit : {16u, 300u, 700u, 100'000u})
        for (int i = 0; i < 30; ++i) {
            WorkloadPrompt prompt = prompts.next(WorkloadKind::kMix, 64);
            const auto original = prompt.spec;
            const auto request = fit_prompt(prompt.spec, *tokenizer.value(), limit);
            ASSERT_TRUE(request.ok()) << request.error().text();
            EXPECT_LE(request.value().prompt.size(), limit);
            if (limit == 100'000u) {
                EXPECT_EQ(prompt.spec.messages.size(), original.messages.size());
            }
            if (limit < 700u || original.request_class != "document") continue;
            const std::string& asked = original.messages.back().content;
            EXPECT_THAT(request.value().prompt_text, HasSubstr(asked.substr(asked.rfind("\n\n") + 2)));
        }
}
