// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/graph_cache.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/engine/exec/cuda/device_array.h"

namespace pitwall::cuda {
namespace {

class GraphCacheTest : public testing::Test {
  protected:
    GraphCacheTest() : stream_(Stream::create().value()), out_(stream_, 16) {}
    /// Work that leaves this number behind.
    Capture leaving(uint8_t number) {
        EXPECT_TRUE(stream_.begin_capture().ok());
        stream_.fill(out_.data(), number, 16);
        return stream_.end_capture().value();
    }
    void add(uint32_t shape, uint8_t number) { cache_.add({shape}, leaving(number), ++now_); }
    /// What the shape's graph leaves; -1 where there is none.
    int left_by(uint32_t shape) {
        const Graph* graph = cache_.find({shape}, ++now_);
        if (!graph) return -1;
        stream_.launch(*graph);
        return out_.read()[0];
    }
    Stream stream_;
    DeviceArray<uint8_t> out_;
    GraphCache cache_{0};
    uint64_t now_ = 0;
};

TEST_F(GraphCacheTest, AGraphIsReadySomeTimeAfterItsCapture) {
    EXPECT_EQ(left_by(1), -1);
    EXPECT_TRUE(cache_.lacks({1}));
    add(1, 11);
    EXPECT_FALSE(cache_.lacks({1})) << "nobody captures it a second time";
    cache_.wait();
    EXPECT_EQ(left_by(1), 11);
    EXPECT_EQ(left_by(2), -1);
}

/// As steps ask, which wait for nothing; ThreadSanitizer looks on.
TEST_F(GraphCacheTest, IsAskedWhileGraphsAreMade) {
    for (uint32_t shape = 0; shape < 50; ++shape) {
        add(shape, static_cast<uint8_t>(shape));
        int left = left_by(shape);
        for (int tries = 1; left == -1 && tries < 100'000; ++tries) {
            std::this_thread::yield();
            left = left_by(shape);
        }
        EXPECT_EQ(left, static_cast<int>(shape));
    }
}

TEST_F(GraphCacheTest, WhatWasClearedDoesNotComeBack) {
    for (int round = 0; round < 50; ++round) {  // whether the first was ready before the second came, or not
        add(1, 11);
        cache_.clear();
        EXPECT_TRUE(cache_.lacks({1}));
        add(1, 12);
        cache_.wait();
        EXPECT_EQ(left_by(1), 12);
        cache_.clear();
    }
}

TEST_F(GraphCacheTest, TheLeastRecentlyUsedGoesFirst) {
    for (uint32_t shape = 0; shape < GraphCache::kMost; ++shape) add(shape, 3);
    cache_.wait();
    EXPECT_EQ(cache_.ready(), GraphCache::kMost);
    EXPECT_EQ(left_by(0), 3) << "used now";
    add(1000, 4);
    cache_.wait();
    EXPECT_EQ(cache_.ready(), GraphCache::kMost);
    EXPECT_FALSE(cache_.lacks({0}));
    EXPECT_TRUE(cache_.lacks({1}));
}

TEST_F(GraphCacheTest, GoesAwayWithWorkLeft) {
    GraphCache other(0);
    for (uint32_t shape = 0; shape < 100; ++shape) other.add({shape}, leaving(1), shape);
}

}  // namespace
}  // namespace pitwall::cuda
