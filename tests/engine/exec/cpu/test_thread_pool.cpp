// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/thread_pool.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <thread>

namespace pitwall::engine::cpu {
namespace {

TEST(ThreadPool, EveryItemRunsOnce) {
    std::mt19937 random(7);
    for (const uint32_t threads : {1u, 2u, 3u, 8u}) {
        ThreadPool pool(threads);
        ASSERT_EQ(pool.threads(), threads);
        for (int job = 0; job < 300; ++job) {
            const uint32_t items = random() % 50, grain = 1 + random() % 5;
            std::vector<std::atomic<int>> runs(items);
            pool.run(items, grain, [&](uint32_t begin, uint32_t end, uint32_t thread) {
                EXPECT_LT(thread, threads);
                EXPECT_LE(end - begin, grain);
                for (uint32_t i = begin; i < end; ++i) runs[i].fetch_add(1);
            });
            EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 1; }))
                << "seed 7, job " << job;
        }
    }
}

TEST(ThreadPool, WhatWorkersWroteIsSeenAfterTheJoin) {
    ThreadPool pool(4);
    std::vector<uint64_t> values(1000);
    for (uint64_t round = 1; round < 200; ++round) {
        pool.run(1000, 7, [&](uint32_t begin, uint32_t end, uint32_t) {
            for (uint32_t i = begin; i < end; ++i) values[i] += i;
        });
        ASSERT_EQ(values[999], 999 * round);
        ASSERT_EQ(values[500], 500 * round);
    }
}

TEST(ThreadPool, WorkersThatWakeUpLateTakeNothingOfTheNextJob) {
    // Far more threads than cores and jobs that end before most have woken up.
    ThreadPool pool(16);
    std::mt19937 random(11);
    for (uint32_t job = 0; job < 20'000; ++job) {
        const uint32_t items = 2 + random() % 40;
        std::array<std::atomic<uint32_t>, 42> runs{};
        pool.run(items, 1, [&](uint32_t begin, uint32_t end, uint32_t) {
            for (uint32_t i = begin; i < end; ++i) runs[i].fetch_add(1, std::memory_order_relaxed);
        });
        for (uint32_t i = 0; i < runs.size(); ++i)
            ASSERT_EQ(runs[i], i < items ? 1u : 0u) << "seed 11, job " << job;
    }
}

TEST(ThreadPool, OthersTakeWhatASlowThreadLeaves) {
    ThreadPool pool(2);
    std::atomic<uint32_t> by_caller{0}, by_other{0};
    pool.run(100, 1, [&](uint32_t, uint32_t, uint32_t thread) {
        (thread == 0 ? by_caller : by_other).fetch_add(1);
        if (thread == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
    EXPECT_EQ(by_caller + by_other, 100u);
    EXPECT_LT(by_caller, 50u);
}

int64_t process_cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

TEST(ThreadPool, AnIdlePoolBurnsNoCore) {
    ThreadPool pool(4);
    pool.run(4, 1, [](uint32_t, uint32_t, uint32_t) {});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const int64_t before = process_cpu_ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_LT(process_cpu_ns() - before, 20'000'000) << "in 200 ms";
}

}  // namespace
}  // namespace pitwall::engine::cpu
