// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/kernel_timer.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::cuda {
namespace {

using engine::KernelKind;
using Works = std::array<abi::Work, static_cast<size_t>(KernelKind::kCount)>;

TEST(KernelTimer, KindsTileTheTimeFromBeginToEnd) {
    auto stream = Stream::create();
    auto first = Event::create(), last = Event::create();
    ASSERT_TRUE(stream.ok() && first.ok() && last.ok());
    auto memory = DeviceMemory::allocate(4 << 20, "a test");
    ASSERT_TRUE(memory.ok());
    KernelTimer timer;
    for (int round = 0; round < 2; ++round) {
        timer.begin();
        stream.value().record(first.value());
        for (const KernelKind kind : {KernelKind::kRowwise, KernelKind::kProduct, KernelKind::kProduct,
                                      KernelKind::kAttention, KernelKind::kProduct}) {
            timer.next(kind, stream.value());
            stream.value().fill(memory.value().data(), 1, memory.value().bytes());
        }
        timer.sampling(stream.value());
        stream.value().fill(memory.value().data(), 2, memory.value().bytes());
        timer.end(stream.value());
        stream.value().record(last.value());
        ASSERT_TRUE(stream.value().synchronize().ok());
        Works works{};
        int64_t sum = timer.add_to(works.data());
        EXPECT_GT(sum, 0) << "sampling has a time of its own";
        for (const abi::Work& work : works) sum += work.ns;
        EXPECT_LE(sum, Event::elapsed_ns(first.value(), last.value()));
        EXPECT_GT(works[size_t(KernelKind::kProduct)].ns, 0);
        EXPECT_GT(works[size_t(KernelKind::kRowwise)].ns, 0);
        EXPECT_EQ(works[size_t(KernelKind::kHead)].ns, 0) << "none was run";
    }
}

TEST(KernelTimer, OneStepInSoManyIsTimed) {
    using namespace engine;
    const TestModel model(even_config(), {TensorType::kQ4_0, TensorType::kQ4_0}, 5);
    CudaOptions options;
    options.kv_cache_memory_bytes = 8 * kv_bytes_per_block(telemetry::KvDtype::kF16, model.config());
    ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model, options), 8);
    const std::vector<TokenId> tokens(80, 7);
    const std::vector<BlockId> table{BlockId{0}, BlockId{1}, BlockId{2}, BlockId{3}, BlockId{4}};
    for (uint32_t step = 0; step < 66; ++step) {
        SequenceSlice slice;
        slice.history = std::span(tokens).first(step + 1);
        slice.tokens = slice.history.last(1);
        slice.first_position = step;
        slice.block_table = table;
        slice.samples = 1;
        StepPlan plan;
        plan.slices.push_back(slice);
        const StepResult result = hand.run(plan);
        ASSERT_TRUE(result.status.ok());
        int64_t sum = 0;
        for (const KernelWork& work : result.kernels) {
            EXPECT_EQ(work.ns > 0, step % 64 == 0) << step;
            sum += work.ns;
        }
        EXPECT_LE(sum, result.execute_ns);
    }
}

}  // namespace
}  // namespace pitwall::cuda
