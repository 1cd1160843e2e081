// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store keeps of a step's kernels and of a GPU's readings.
#include <gtest/gtest.h>

#include <limits>

#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class StoreKernels : public ::testing::Test {
  protected:
    void kernels(uint64_t step, int64_t product_ns, int64_t attention_ns) {
        Event event;
        event.kind = EventKind::kKernels;
        event.t_ns = static_cast<int64_t>(step) * kSecond;
        event.kernels = {step, {{{product_ns, 200, 40}, {attention_ns, 30, 8}, {5, 1, 2}, {1, 0, 3}}}};
        store.apply({&event, 1});
    }
    void step(uint64_t id, int64_t execute_ns = 1000) {
        Event event;
        event.kind = EventKind::kStep;
        event.t_ns = static_cast<int64_t>(id) * kSecond;
        event.step = {};
        event.step.step_id = id;
        event.step.duration_ns = execute_ns + 60;
        event.step.execute_ns = execute_ns;
        event.step.plan_ns = 30, event.step.sample_ns = 20, event.step.commit_ns = 10;
        store.apply({&event, 1});
    }
    KernelSums sums(int64_t begin_ns, int64_t end_ns) {
        return range_stats(store, store.snapped({begin_ns, end_ns})).steps.kernels;
    }
    Store store;
};

TEST_F(StoreKernels, OnlyTimedStepsCount) {
    for (uint64_t id = 1; id <= 8; ++id) {
        if (id % 4 == 0) kernels(id, 400, 100 * static_cast<int64_t>(id));
        step(id, 2000);
    }
    EXPECT_FALSE(store.steps()[0].kernels);
    ASSERT_TRUE(store.steps()[3].kernels);
    EXPECT_EQ((*store.steps()[3].kernels)[size_t(KernelKind::kAttention)].ns, 400);
    const KernelSums all = sums(0, 100 * kSecond);
    EXPECT_EQ(all.steps, 2u);
    EXPECT_EQ(all.execute_ns, 4000);
    EXPECT_EQ(all.plan_ns, 60);
    EXPECT_EQ(all.kinds[size_t(KernelKind::kProduct)].ns, 800);
    EXPECT_EQ(all.kinds[size_t(KernelKind::kAttention)].ns, 1200);
    EXPECT_DOUBLE_EQ(all.kinds[size_t(KernelKind::kProduct)].flops, 400);
    EXPECT_DOUBLE_EQ(all.kinds[size_t(KernelKind::kRowwise)].bytes, 6);
    EXPECT_EQ(all.kernel_ns(), 800 + 1200 + 10 + 2);
    EXPECT_EQ(all.between_kernels_ns(), 4000 - all.kernel_ns());
}

TEST_F(StoreKernels, AnotherStepsKernelsAreNotTaken) {
    kernels(3, 400, 100);
    step(4);
    step(3);
    EXPECT_EQ(sums(0, 100 * kSecond).steps, 0u) << "step 4 came instead: what belongs to 3 is not whole";
}

TEST_F(StoreKernels, DroppedEventsTakeThemAlong) {
    kernels(3, 400, 100);
    store.note_dropped(1);
    step(3);
    EXPECT_EQ(sums(0, 100 * kSecond).steps, 0u);
}

TEST_F(StoreKernels, FoldedHistoryKeepsTheSums) {
    store.clear({.memory_bytes = size_t{64} << 20, .detail_ns = 5 * kSecond});
    for (uint64_t id = 1; id <= 60; ++id) kernels(id, 10, 20), step(id, 100);
    EXPECT_LT(store.steps().size(), 20u);
    const KernelSums all = sums(0, 100 * kSecond);
    EXPECT_EQ(all.steps, 60u);
    EXPECT_EQ(all.kinds[size_t(KernelKind::kAttention)].ns, 60 * 20);
    EXPECT_EQ(all.between_kernels_ns(), 60 * (100 - 36));
}

TEST_F(StoreKernels, NumbersThatCannotBeDoNotOverflow) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    for (uint64_t id = 1; id <= 3; ++id) kernels(id, kMost, kMost), step(id);
    EXPECT_EQ(sums(0, 100 * kSecond).between_kernels_ns(), 0);
    for (uint64_t id = 4; id <= 6; ++id) kernels(id, -kMost, -kMost), step(id, kMost / 2);
    EXPECT_GE(sums(4 * kSecond, 100 * kSecond).between_kernels_ns(), 0);
}

TEST_F(StoreKernels, KeepsTheNewestReadingsOfAGpu) {
    const size_t before = store.memory_bytes();
    Event event;
    event.kind = EventKind::kGpu;
    for (size_t i = 0; i < Store::kMaxGpuSamples + 10; ++i) {
        event.t_ns = static_cast<int64_t>(i) * kSecond;
        event.gpu = {};
        event.gpu.power_mw = static_cast<int32_t>(i);
        store.apply({&event, 1});
    }
    EXPECT_EQ(store.gpu_samples().size(), Store::kMaxGpuSamples);
    EXPECT_GE(store.memory_bytes() - before, Store::kMaxGpuSamples * sizeof(GpuRow));
    EXPECT_EQ(store.gpu_samples().front().gpu.power_mw, 10);
    EXPECT_EQ(store.gpu_samples().back().t_ns, static_cast<int64_t>(Store::kMaxGpuSamples + 9) * kSecond);
}

}  // namespace
}  // namespace pitwall::telemetry
