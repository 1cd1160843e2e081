// SPDX-License-Identifier: GPL-3.0-or-later
//
// What emulated GPUs do together, each on a thread of its own, and how their threads agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/exec/cuda/executor/rank_group.h"
#include "engine/exec/cuda/executor/rank_threads.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/engine/exec/cuda/emulated_gpus.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

using testing::HasSubstr;

class EmulatedCollective : public EmulatedGpus {
  protected:
    /// On each rank's thread, with a stream of its device: work(rank, stream).
    template <class Work>
    static void on_each(uint32_t ranks, const Work& work) {
        RankThreads threads(ranks);
        threads.run([&](uint32_t rank) {
            EXPECT_TRUE(use_device(rank).ok());
            auto stream = Stream::create();
            work(rank, stream.value());
            EXPECT_TRUE(stream.value().synchronize().ok());
        });
    }
    static std::vector<Collective> connected(uint32_t ranks) {
        std::vector<uint32_t> devices;
        for (uint32_t i = 0; i < ranks; ++i) devices.push_back(i);
        return std::move(Collective::connect(devices)).value();
    }
    static std::vector<float> random_floats(size_t count, std::mt19937& random) {
        std::vector<float> floats(count);
        for (float& f : floats) f = std::normal_distribution<float>()(random);
        return floats;
    }
};

TEST_F(EmulatedCollective, GathersSumsAndBroadcasts) {
    for (const uint32_t seed : StormSeeds(4)) {
        std::mt19937 random(seed);
        const uint32_t ranks = 2 + random() % 3, count = 1 + random() % 50;
        auto collectives = connected(ranks);
        std::vector<std::vector<float>> own;
        std::vector<float> all, sums(count, 0.0f);
        for (uint32_t rank = 0; rank < ranks; ++rank) {
            own.push_back(random_floats(count, random));
            all.insert(all.end(), own[rank].begin(), own[rank].end());
            for (uint32_t i = 0; i < count; ++i) sums[i] += own[rank][i];
        }
        on_each(ranks, [&](uint32_t rank, Stream& stream) {
            Collective& collective = collectives[rank];
            const DeviceArray<float> gathered(stream, size_t{ranks} * count), summed(stream, own[rank]);
            const DeviceArray<int32_t> word(stream, std::vector{static_cast<int32_t>(7 + rank)});
            stream.copy_to_device(gathered.data() + rank * count, own[rank].data(), count * sizeof(float));
            collective.gather(stream, gathered.data(), count);
            collective.sum(stream, summed.data(), count);
            collective.broadcast(stream, word.data(), 1);
            EXPECT_EQ(collective.asked(), 3u);
            EXPECT_EQ(gathered.read(), all);
            EXPECT_EQ(summed.read(), sums);
            EXPECT_EQ(word.read(), std::vector<int32_t>{7});
        });
    }
}

/// Where GPUs would wait for each other without end.
TEST_F(EmulatedCollective, RanksThatDoDifferentThingsAreStopped) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const auto differ = [&](const auto& ask) {
        auto collectives = connected(2);
        on_each(2, [&](uint32_t rank, Stream& stream) {
            const DeviceArray<float> data(stream, 64);
            ask(collectives[rank], stream, data.data(), rank);
        });
    };
    EXPECT_DEATH(differ([](Collective& collective, Stream& stream, float* data, uint32_t rank) {
                     rank == 0 ? collective.sum(stream, data, 8) : collective.gather(stream, data, 8);
                 }),
                 "rank 0 asks for a sum of 8 words as number 0, rank 1 for a gather");
    EXPECT_DEATH(differ([](Collective& collective, Stream& stream, float* data, uint32_t rank) {
                     collective.sum(stream, data, 8 + rank);
                 }),
                 "rank 1 for a sum of 9 words");
}

TEST_F(EmulatedCollective, WhatIsAbortedWaitsForNobody) {
    auto collectives = connected(3);
    on_each(3, [&](uint32_t rank, Stream& stream) {
        const DeviceArray<float> data(stream, 8);
        if (rank == 2) return collectives[rank].abort();
        collectives[rank].sum(stream, data.data(), 8);
    });
}

TEST_F(EmulatedCollective, RanksAgreeOnTheFirstError) {
    const std::vector<uint32_t> devices = {3, 1, 2};
    auto group = std::move(RankGroup::connect(devices)).value();
    std::vector<std::string> told(3);
    const auto agree = [&](const std::vector<uint32_t>& failing) {
        group->begin();
        on_each(3, [&](uint32_t rank, Stream&) {
            const bool fails = std::find(failing.begin(), failing.end(), rank) != failing.end();
            const Status all = group->agree(rank, fails ? Status(Error{"no room", ""}) : Status());
            told[rank] = all.ok() ? "good" : all.error().what;
        });
        return group->agreed_to_fail();
    };
    EXPECT_FALSE(agree({}));
    EXPECT_THAT(told, testing::Each("good"));
    EXPECT_TRUE(agree({2, 1}));
    EXPECT_THAT(told, testing::Each("cuda:1: no room"));
    EXPECT_FALSE(agree({}));
    EXPECT_THAT(told, testing::Each("good"));
    EXPECT_TRUE(group->status().ok()) << "it goes on";
}

TEST_F(EmulatedCollective, RanksThatAskedForDifferentNumbersDoNotAgree) {
    const std::vector<uint32_t> devices = {0, 1};
    auto group = std::move(RankGroup::connect(devices)).value();
    on_each(2, [&](uint32_t rank, Stream& stream) {
        const DeviceArray<float> data(stream, 8);
        if (rank == 1) group->collective(rank).sum(stream, data.data(), 8);
        const Status all = group->agree(rank, {});
        ASSERT_FALSE(all.ok());
        EXPECT_THAT(all.error().what, HasSubstr("the same collectives"));
    });
    EXPECT_FALSE(group->status().ok());
}

TEST_F(EmulatedCollective, OneThatLeavesLetsTheOthersGo) {
    const std::vector<uint32_t> devices = {0, 1, 2};
    auto group = std::move(RankGroup::connect(devices)).value();
    on_each(3, [&](uint32_t rank, Stream&) {
        if (rank == 1) return group->break_up(rank, Error{"it burns", ""});
        const Status all = group->agree(rank, {});
        ASSERT_FALSE(all.ok());
        EXPECT_EQ(all.error().what, "cuda:1: it burns");
    });
}

}  // namespace
}  // namespace pitwall::cuda
