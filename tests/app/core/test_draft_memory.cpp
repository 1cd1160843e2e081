// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a draft model's KV cache takes of a GPU, an emulated one, with kv_cache_memory_bytes given and without.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "app/core/session/draft_model.h"
#include "app/core/session/engine_parts.h"
#include "engine/kv/kv_format.h"
#include "tests/storm.h"

using namespace pitwall;
using namespace pitwall::app;
using telemetry::DraftMethod;

namespace {

constexpr double kFree = 2147483648.0;  ///< bytes, on an emulated GPU, whatever it has

class DraftMemory : public testing::Test {
  protected:
    DraftMemory() {
        ::setenv("PITWALL_CUDA_PLUGIN", PITWALL_EMULATED_PLUGIN, 1);
        ::setenv("PITWALL_EMULATED_DEVICES", "2", 1);
        options_.model = "synthetic:tiny";
        options_.device = "cuda";
    }
    ~DraftMemory() override {
        ::unsetenv("PITWALL_CUDA_PLUGIN");
        ::unsetenv("PITWALL_EMULATED_DEVICES");
    }

    enum class When { kBeforeTheEngine, kBeside };
    /// Bytes that its KV may take, less than one block of it fewer than its part.
    double kv_bytes(When when) {
        const auto target = open_model_and_tokenizer(options_, false, nullptr).value();
        target_bytes_ = double(target.model->weight_bytes());
        DraftModel draft_model(options_, false, *target.model, clock_);
        EXPECT_TRUE(draft_model.choose("synthetic:tiny-draft").ok());
        if (when == When::kBeforeTheEngine) {
            const Status loaded = draft_model.load(nullptr);
            EXPECT_TRUE(loaded.ok()) << loaded.error().text();
        }
        auto made = draft_model.make_drafter(DraftMethod::kDraft);
        auto& drafter = dynamic_cast<engine::ModelDrafter&>(*made.value());
        while (drafter.status().ok() && drafter.kv_capacity_bytes() == 0) {
            drafter.poll();
            std::this_thread::yield();
        }
        EXPECT_TRUE(drafter.status().ok());
        return double(drafter.kv_capacity_bytes());
    }
    /// Of so many bytes, as many whole blocks as there is room for.
    double whole_blocks(double bytes) const {
        const auto config = engine::open_model("synthetic:tiny-draft", 1, false).value()->config();
        const auto block = engine::kv_bytes_per_block(telemetry::KvDtype::kF16, config);
        return double(uint64_t(bytes) / block * block);
    }

    SessionOptions options_;
    VirtualClock clock_;
    double target_bytes_ = 0;
};

}  // namespace

TEST_F(DraftMemory, IsAQuarterOfWhatWasGiven) {
    options_.knobs.set(presets::KnobId::kKvCacheMemoryBytes, 8 << 20);
    EXPECT_EQ(kv_bytes(When::kBeforeTheEngine), whole_blocks(2 << 20));
    EXPECT_EQ(kv_bytes(When::kBeside), whole_blocks(2 << 20));
}

TEST_F(DraftMemory, IsASixthOfWhatTheModelWillLeave) {
    const double kv = kv_bytes(When::kBeforeTheEngine);
    EXPECT_EQ(kv, whole_blocks((kFree - target_bytes_) / 6));
    EXPECT_LT(kv, whole_blocks(kFree / 6)) << "its weights count";
}

/// Each of them has half the model's weights.
TEST_F(DraftMemory, OfTwoGpusIsOnTheFirst) {
    options_.device = "cuda:0,1";
    const double kv = kv_bytes(When::kBeforeTheEngine);
    EXPECT_EQ(kv, whole_blocks((kFree - target_bytes_ / 2) / 6));
}

/// The model is there by then: what is free is what it has left.
TEST_F(DraftMemory, IsHalfOfWhatTheModelHasLeft) {
    if (kSanitized) GTEST_SKIP() << "that is a GiB";
    EXPECT_EQ(kv_bytes(When::kBeside), whole_blocks(kFree / 2));
}
