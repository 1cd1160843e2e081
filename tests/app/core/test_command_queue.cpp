// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "app/core/session/command_queue.h"

using namespace pitwall::app;
using pitwall::telemetry::Answer;
using pitwall::telemetry::Verdict;

TEST(CommandQueue, AnswersEveryCommandOfManyThreads) {
    CommandQueue queue;
    std::atomic<bool> done{false};
    int sum = 0;  // touched by the engine thread alone
    std::thread engine([&] {
        while (!done.load()) {
            queue.wait(1'000'000);
            queue.run_all();
        }
        queue.close();
    });
    std::vector<std::thread> users;
    std::atomic<int> accepted{0};
    for (int user = 0; user < 4; ++user)
        users.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                auto answer = queue.post([&] {
                    ++sum;
                    return Answer{};
                });
                if (answer.get().verdict == Verdict::kAccepted) ++accepted;
            }
        });
    for (std::thread& user : users) user.join();
    done = true;
    queue.wake();
    engine.join();
    EXPECT_EQ(sum, 2000);
    EXPECT_EQ(accepted.load(), 2000);
}

TEST(CommandQueue, RefusesInWordsOnceClosed) {
    CommandQueue queue;
    auto before = queue.post([] { return Answer{}; });
    queue.close();
    auto after = queue.post([] { return Answer{}; });
    for (auto* answer : {&before, &after}) {
        const Answer said = answer->get();
        EXPECT_EQ(said.verdict, Verdict::kRefused);
        EXPECT_EQ(said.reason, "the session has ended");
    }
    EXPECT_EQ(queue.run_all(), 0u);
}

TEST(CommandQueue, WaitEndsWhenWoken) {
    CommandQueue queue;
    std::thread waker([&] { queue.wake(); });
    queue.wait(60'000'000'000);
    waker.join();
}
