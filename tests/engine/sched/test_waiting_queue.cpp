// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sched/waiting_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pitwall::engine {
namespace {

struct Line {
    std::vector<std::unique_ptr<Sequence>> sequences;
    WaitingQueue queue;
    Sequence& join(uint32_t prompt, int32_t priority, int64_t arrival_ns,
                   SequenceState state = SequenceState::kWaiting) {
        auto s = std::make_unique<Sequence>();
        s->id = RequestId{static_cast<uint32_t>(sequences.size() + 1)};
        s->prompt_tokens = prompt;
        s->priority = priority;
        s->arrival_ns = arrival_ns;
        s->state = state;
        queue.insert(*s);
        sequences.push_back(std::move(s));
        return *sequences.back();
    }
    std::vector<uint32_t> order() const {
        std::vector<uint32_t> ids;
        for (const auto& entry : queue.order()) ids.push_back(raw(entry.sequence->id));
        return ids;
    }
};

TEST(WaitingQueue, EachPolicysOrder) {
    Line line;
    line.join(50, 1, 30);
    line.join(10, 2, 20);
    line.join(90, 0, 10);
    line.join(10, 1, 20);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{3, 2, 4, 1}));
    line.queue.set_policy(SchedulingPolicy::kPriority);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{3, 4, 1, 2}));
    line.queue.set_policy(SchedulingPolicy::kShortestPrompt);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{2, 4, 1, 3}));
    line.queue.set_policy(SchedulingPolicy::kLongestPrefix);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{3, 2, 4, 1})) << "nothing is known yet: arrival";
    line.queue.refresh_prefixes([](Sequence& s) { return raw(s.id) == 1 ? 48u : raw(s.id) == 4 ? 16u : 0u; });
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{1, 4, 3, 2}));
    line.queue.refresh_prefixes([](Sequence&) { return 0u; });
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{3, 2, 4, 1})) << "evicted: back in line";
}

TEST(WaitingQueue, ThePreemptedGoFirstWithinTheirPriority) {
    Line line;
    line.join(10, 0, 1);
    line.join(10, 1, 2, SequenceState::kPreempted);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{2, 1}));
    line.queue.set_policy(SchedulingPolicy::kShortestPrompt);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{2, 1}));
    line.queue.set_policy(SchedulingPolicy::kPriority);
    EXPECT_EQ(line.order(), (std::vector<uint32_t>{1, 2}));
}

TEST(WaitingQueue, ErasesWhoeverItIs) {
    Line line;
    for (uint32_t i = 0; i < 50; ++i) line.join(i * 7 % 13, 0, i % 5);
    line.queue.set_policy(SchedulingPolicy::kShortestPrompt);
    for (const auto& s : line.sequences) {
        EXPECT_TRUE(line.queue.contains(*s));
        line.queue.erase(*s);
        line.queue.erase(*s);
        EXPECT_FALSE(line.queue.contains(*s));
    }
    EXPECT_TRUE(line.queue.empty());
}

}  // namespace
}  // namespace pitwall::engine
