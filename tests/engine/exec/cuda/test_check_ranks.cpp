// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/check_ranks.h"

#include <gtest/gtest.h>

#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {
namespace {

/// 12 heads, 6 KV heads, 384 neurons: each test changes one of them.
ModelConfig config_with(uint32_t ModelConfig::*size, uint32_t value) {
    ModelConfig c;
    c.num_layers = 1, c.hidden_size = 64, c.num_heads = 12, c.num_kv_heads = 6, c.head_dim = 32;
    c.intermediate_size = 384;
    c.vocab_size = 100, c.max_context_tokens = 64, c.tied_embeddings = true;
    c.*size = value;
    return c;
}

std::string refusal(const ModelConfig& config, uint32_t ranks, TensorType type = TensorType::kF16) {
    const Status status = check_ranks(TestModel(config, {type, TensorType::kF16}, 1), ranks);
    return status.ok() ? "" : status.error().text();
}

TEST(CheckRanks, WhatCannotBeDividedIsNamed) {
    const ModelConfig whole = config_with(&ModelConfig::num_layers, 1);
    for (const uint32_t ranks : {1u, 2u, 3u, 6u}) EXPECT_EQ(refusal(whole, ranks), "");
    const std::string four = "the model cannot be shared by 4 GPUs: ";
    EXPECT_EQ(refusal(whole, 4), four + "its 6 KV heads cannot be divided by 4: use 3");
    EXPECT_EQ(refusal(whole, 12), "the model cannot be shared by 12 GPUs: it has 6 KV heads: use 6");
    EXPECT_EQ(refusal(config_with(&ModelConfig::num_heads, 6), 4),
              four + "its 6 heads cannot be divided by 4: use 3");
    EXPECT_EQ(
        refusal(config_with(&ModelConfig::intermediate_size, 386), 3),
        "the model cannot be shared by 3 GPUs: its 386 neurons of a layer cannot be divided by 3: use 2");
    EXPECT_EQ(
        refusal(config_with(&ModelConfig::intermediate_size, 385), 6),
        "the model cannot be shared by 6 GPUs: its 385 neurons of a layer cannot be divided by 6: use one");
    EXPECT_EQ(refusal(config_with(&ModelConfig::vocab_size, 4), 3),
              "the model cannot be shared by 3 GPUs: it has 4 tokens: use 2");
}

/// 96 neurons are three groups of codes.
TEST(CheckRanks, NoGroupOfCodesIsCutInTwo) {
    const ModelConfig config = config_with(&ModelConfig::intermediate_size, 96);
    EXPECT_EQ(refusal(config, 2), "");
    EXPECT_EQ(refusal(config, 3, TensorType::kQ8_0), "");
    EXPECT_EQ(
        refusal(config, 2, TensorType::kQ8_0),
        "the model cannot be shared by 2 GPUs: a share of 48 columns of ffn_down cuts a group of 32 codes in "
        "two: use one");
    ModelConfig narrow = config_with(&ModelConfig::head_dim, 16);
    EXPECT_EQ(refusal(narrow, 6, TensorType::kQ8_0), "");
    narrow.num_kv_heads = 12;
    EXPECT_EQ(refusal(narrow, 12, TensorType::kQ8_0),
              "the model cannot be shared by 12 GPUs: a share of 16 columns of attn_output cuts a group of "
              "32 codes "
              "in two: use 6");
}

}  // namespace
}  // namespace pitwall::engine
