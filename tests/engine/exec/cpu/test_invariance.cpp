// SPDX-License-Identifier: GPL-3.0-or-later
//
// A token's logits depend on its own sequence alone: compared bit by bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "engine/exec/cpu/kernels/kernels.h"
#include "presets/knob.h"
#include "telemetry/names.h"
#include "tests/engine/exec/cpu/stored_kv.h"
#include "tests/engine/exec/cpu/support.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using cpu::kAllKvDtypes;
using telemetry::KvDtype;

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Numerics {
    KernelTier tier;
    presets::ActivationDtype activations;
};

std::vector<Numerics> all_numerics() {
    std::vector<Numerics> all;
    for (const KernelTier tier : available_kernel_tiers()) {
        if (cpu::kernels_of(tier).bfloats != nullptr) {  // all else is that of avx512-vnni
            all.push_back({tier, presets::ActivationDtype::kBf16});
            continue;
        }
        for (const auto dtype :
             {presets::ActivationDtype::kF32, presets::ActivationDtype::kI16, presets::ActivationDtype::kI8})
            all.push_back({tier, dtype});
    }
    return all;
}

class Invariance : public testing::TestWithParam<Numerics> {
  protected:
    Hand hand(const Model& model, uint32_t threads, uint32_t blocks = 256,
              KvDtype dtype = KvDtype::kF16) const {
        Hand hand(model, threads, GetParam().tier, blocks, dtype);
        EXPECT_TRUE(hand.executor().set_activation_dtype(GetParam().activations).ok());
        return hand;
    }
    /// More than two attention chunks and one batch of the executor, where that does not take long.
    size_t length() const {
        if (GetParam().tier != KernelTier::kPlain) return 620;
        return kSanitized ? 60 : 300;  // of the kernels, the plain ones alone are sanitized
    }
    /// Weights that the format is for.
    static TestModel::Types types() {
        if (GetParam().tier == KernelTier::kAvx512Bf16) return {TensorType::kBF16, TensorType::kF16};
        if (GetParam().tier == KernelTier::kAmx) return {TensorType::kQ4_1, TensorType::kF16};
        return {TensorType::kQ4_1, TensorType::kQ8_0};
    }
    TestModel model_{even_config(), types(), 51};
    TestModel odd_{odd_config(), {}, 52};
    std::mt19937 random_{53};
};

TEST_P(Invariance, ChunkSizesChangeNothing) {
    for (const Model* model : {static_cast<const Model*>(&model_), static_cast<const Model*>(&odd_)}) {
        const auto tokens = random_tokens(length(), model->config().vocab_size, random_);
        const auto table = blocks_from(0, 40);
        const auto whole = hand(*model, 1).logits(tokens, tokens.size(), table);
        for (const size_t chunk : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}, size_t{255}}) {
            EXPECT_TRUE(same_bits(whole, hand(*model, 1).logits(tokens, chunk, table)))
                << "chunks of " << chunk;
        }
    }
}

TEST_P(Invariance, ChunkSizesChangeNothingInAnyKvFormat) {
    for (const Model* model : {static_cast<const Model*>(&model_), static_cast<const Model*>(&odd_)}) {
        const auto tokens = random_tokens(length() / 2, model->config().vocab_size, random_);
        const auto table = blocks_from(0, 40);
        auto shuffled = blocks_from(0, 256);
        std::shuffle(shuffled.begin(), shuffled.end(), random_);
        std::vector<float> previous;
        for (const KvDtype dtype : kAllKvDtypes) {
            const auto whole = hand(*model, 1, 256, dtype).logits(tokens, tokens.size(), table);
            EXPECT_FALSE(same_bits(whole, previous)) << name(dtype) << ": as if the format were none";
            for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}}) {
                EXPECT_TRUE(same_bits(whole, hand(*model, 2, 256, dtype).logits(tokens, chunk, shuffled)))
                    << name(dtype) << " in chunks of " << chunk;
            }
            previous = whole;
        }
    }
}

TEST_P(Invariance, ThreadsAndBlockTablesChangeNothing) {
    const auto tokens = random_tokens(length(), model_.config().vocab_size, random_);
    const auto table = blocks_from(0, 40);
    const auto one = hand(model_, 1).logits(tokens, 100, table);
    for (const uint32_t threads : {2u, 3u}) {
        auto shuffled = blocks_from(0, 256);
        std::shuffle(shuffled.begin(), shuffled.end(), random_);
        EXPECT_TRUE(same_bits(one, hand(model_, threads).logits(tokens, 100, shuffled)))
            << threads << " threads";
        EXPECT_TRUE(same_bits(one, hand(model_, threads).logits(tokens, 1, shuffled)))
            << threads << " threads, decoding";
    }
}

/// One of several sequences that advance by random chunks, side by side.
struct Walker {
    std::vector<TokenId> tokens;
    std::vector<BlockId> table;
    std::vector<float> logits;
    size_t done = 0;
};

SequenceSlice next_slice(Walker& walker, size_t count, size_t vocab) {
    SequenceSlice slice;
    slice.tokens = {walker.tokens.data() + walker.done, count};
    slice.first_position = static_cast<uint32_t>(walker.done);
    slice.block_table = walker.table;
    slice.history = {walker.tokens.data(), walker.done + count};
    slice.logits_out = {walker.logits.data() + walker.done * vocab, count * vocab};
    return slice;
}

TEST_P(Invariance, NeighboursInTheBatchChangeNothing) {
    const size_t vocab = model_.config().vocab_size, sequences = 9;
    Hand batch = hand(model_, 2, 400);
    auto blocks = blocks_from(0, 400);
    std::shuffle(blocks.begin(), blocks.end(), random_);
    std::vector<Walker> walkers(sequences);
    for (size_t i = 0; i < sequences; ++i) {
        walkers[i].tokens = random_tokens(1 + random_() % length(), static_cast<uint32_t>(vocab), random_);
        walkers[i].table.assign(blocks.begin() + static_cast<std::ptrdiff_t>(40 * i),
                                blocks.begin() + static_cast<std::ptrdiff_t>(40 * (i + 1)));
        walkers[i].logits.resize(walkers[i].tokens.size() * vocab);
    }
    while (true) {
        StepPlan plan;
        for (auto& walker : walkers) {
            const size_t left = walker.tokens.size() - walker.done;
            if (left == 0 || random_() % 4 == 0) continue;
            const size_t count = std::min<size_t>(left, random_() % 3 == 0 ? 1 : 1 + random_() % 90);
            plan.slices.push_back(next_slice(walker, count, vocab));
            walker.done += count;
        }
        const bool all = std::all_of(walkers.begin(), walkers.end(),
                                     [](const Walker& w) { return w.done == w.tokens.size(); });
        if (plan.slices.empty() && all) break;
        ASSERT_TRUE(batch.run(plan).status.ok());
    }
    for (const auto& walker : walkers) {
        const auto alone = hand(model_, 1).logits(walker.tokens, walker.tokens.size(), blocks_from(0, 40));
        EXPECT_TRUE(same_bits(alone, walker.logits)) << walker.tokens.size() << " tokens, seed 53";
    }
}

/// Logits of the token behind `walker.done`, and it is done.
void decode_one(Hand& hand, std::span<Walker> walkers, size_t vocab) {
    StepPlan plan;
    for (Walker& walker : walkers) {
        walker.logits.resize(walker.tokens.size() * vocab);
        plan.slices.push_back(next_slice(walker, walker.tokens.size() - walker.done, vocab));
    }
    ASSERT_TRUE(hand.run(plan).status.ok());
}

/// A tree of prefixes: some share all of it, some a part, one nothing; and several tokens are verified at once.
TEST_P(Invariance, ReadingSharedBlocksTogetherChangesNothing) {
    const size_t vocab = model_.config().vocab_size, sequences = 23;
    const auto common = random_tokens(length(), static_cast<uint32_t>(vocab), random_);
    const auto trunk = blocks_from(0, static_cast<uint32_t>(length() / kBlockTokens));
    Hand batch = hand(model_, 2, 1200);
    batch.logits(common, common.size(), blocks_from(0, static_cast<uint32_t>(length() / kBlockTokens) + 1));
    std::vector<Walker> walkers(sequences);
    uint32_t next_block = 41;
    for (size_t i = 0; i < sequences; ++i) {
        Walker& walker = walkers[i];
        const size_t shared = i == 0 ? 0 : i < 12 ? trunk.size() : trunk.size() * (i % 4) / 4;
        walker.table.assign(trunk.begin(), trunk.begin() + static_cast<std::ptrdiff_t>(shared));
        walker.tokens.assign(common.begin(),
                             common.begin() + static_cast<std::ptrdiff_t>(shared * kBlockTokens));
        const auto own = random_tokens(2 + random_() % 90, static_cast<uint32_t>(vocab), random_);
        walker.tokens.insert(walker.tokens.end(), own.begin(), own.end());
        while (walker.table.size() * kBlockTokens < walker.tokens.size())
            walker.table.push_back(BlockId{next_block++});
        walker.done = shared * kBlockTokens;
        walker.logits.resize(walker.tokens.size() * vocab);
        StepPlan own_prefill;
        own_prefill.slices.push_back(
            next_slice(walker, walker.tokens.size() - walker.done - 1 - i % 3 % own.size(), vocab));
        walker.done += own_prefill.slices[0].tokens.size();
        if (own_prefill.slices[0].tokens.empty()) continue;
        ASSERT_TRUE(batch.run(own_prefill).status.ok());
    }
    decode_one(batch, walkers, vocab);
    for (size_t i = 0; i < sequences; i += 3) {
        const Walker& walker = walkers[i];
        const auto alone = hand(model_, 1).logits(walker.tokens, walker.tokens.size(), blocks_from(0, 60));
        const std::vector<float> ours(
            walker.logits.begin() + static_cast<std::ptrdiff_t>(walker.done * vocab), walker.logits.end());
        const std::vector<float> want(alone.begin() + static_cast<std::ptrdiff_t>(walker.done * vocab),
                                      alone.end());
        EXPECT_TRUE(same_bits(ours, want)) << walker.tokens.size() << " tokens, seed 53";
    }
}

TEST_P(Invariance, SeededSamplingIsTheSameInABatch) {
    Hand alone = hand(model_, 1), batch = hand(model_, 3);
    const auto prompt = random_tokens(30, model_.config().vocab_size, random_);
    std::vector<std::vector<BlockId>> tables;
    for (uint32_t i = 0; i < 5; ++i) tables.push_back(blocks_from(3 * i, 3));
    StepPlan together;
    for (uint32_t i = 0; i < 5; ++i) {
        SequenceSlice slice;
        slice.tokens = slice.history = prompt;
        slice.block_table = tables[i];
        slice.samples = 1;
        slice.sampling.temperature = 1.0f + static_cast<float>(i);
        slice.sampling.seed = i;
        together.slices.push_back(slice);
    }
    const auto sampled = batch.run(together).sampled;
    for (uint32_t i = 0; i < 5; ++i) {
        StepPlan single;
        single.slices.push_back(together.slices[i]);
        EXPECT_EQ(alone.run(single).sampled[0], sampled[i]) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(CpuExecutor, Invariance, testing::ValuesIn(all_numerics()),
                         [](const auto& numerics) {
                             return tier_test_name(numerics.param.tier) + "_" +
                                    std::string(
                                        presets::spec(presets::KnobId::kActivationDtype)
                                            .choices[static_cast<size_t>(numerics.param.activations)]);
                         });

}  // namespace
}  // namespace pitwall::engine
