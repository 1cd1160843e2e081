// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/model/gguf_model.h"
#include "tests/engine/model/gguf_writer.h"

namespace pitwall::engine {
namespace {

using ::testing::HasSubstr;

/// What is said about a file; "read" when nothing is.
std::string said(const std::string& bytes) {
    const Result<GgufContents> read = read_gguf(as_span(bytes), "m.gguf");
    if (read.ok()) return "read";
    EXPECT_THAT(read.error().what, HasSubstr("m.gguf"));
    EXPECT_FALSE(read.error().hint.empty());
    EXPECT_EQ(read.error().text().find('\n'), std::string::npos);
    return read.error().what;
}

std::string said_with(const std::function<void(GgufWriter&)>& change) {
    GgufWriter w;
    change(w);
    SmallModel().write(w);
    return said(w.bytes());
}

std::string said_of(const std::function<void(SmallModel&)>& change) {
    SmallModel m;
    change(m);
    return said(m.bytes());
}

TEST(Gguf, ReadsBothVersions) {
    for (const uint32_t version : {2u, 3u}) {
        GgufWriter w;
        w.version = version;
        SmallModel().write(w);
        const std::string bytes = w.bytes();
        const Result<GgufContents> read = read_gguf(as_span(bytes), "m.gguf");
        ASSERT_TRUE(read.ok()) << read.error().text();
        const GgufContents& c = read.value();
        EXPECT_EQ(c.config.num_layers, 1u);
        EXPECT_EQ(c.config.head_dim, 16u);
        EXPECT_EQ(c.config.vocab_size, 300u);
        EXPECT_EQ(c.config.max_context_tokens, 128u);
        EXPECT_FLOAT_EQ(c.config.rope_base, 10000.0f);
        EXPECT_TRUE(c.config.tied_embeddings);
        EXPECT_EQ(c.weights.output_head.data, c.weights.embedding.data);
        EXPECT_EQ(c.weights.layers.at(0).k.rows, 16u);
        EXPECT_EQ(c.weights.layers.at(0).down.columns, 64u);
        EXPECT_EQ(c.weights.layers.at(0).attn_norm.rows, 1u);
        EXPECT_EQ(c.vocabulary.tokens, synthetic_vocabulary(300).tokens);
        EXPECT_EQ(c.vocabulary.types, synthetic_vocabulary(300).types);
        EXPECT_EQ(c.vocabulary.eos, 2);
        EXPECT_EQ(c.vocabulary.bos, -1);
    }
}

TEST(Gguf, ReadsTensorBytesAsWritten) {
    const std::string bytes = SmallModel().bytes();
    const Result<GgufContents> read = read_gguf(as_span(bytes), "m.gguf");
    ASSERT_TRUE(read.ok());
    std::vector<std::byte> expected(300 * row_bytes(TensorType::kQ8_0, 32));
    fill_random(TensorType::kQ8_0, expected, 1, 0.1f);
    const TensorView& t = read.value().weights.embedding;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), t.data, t.data + t.bytes));
}

TEST(Gguf, UntiedHeadAndAlignment) {
    SmallModel m;
    m.tied = false;
    GgufWriter w;
    w.alignment = 128;
    w.add_u32("general.alignment", 128);
    m.write(w);
    const std::string bytes = w.bytes();
    const Result<GgufContents> read = read_gguf(as_span(bytes), "m.gguf");
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_FALSE(read.value().config.tied_embeddings);
    EXPECT_NE(read.value().weights.output_head.data, read.value().weights.embedding.data);
}

TEST(Gguf, RefusesWrongHeaders) {
    std::string bytes = SmallModel().bytes();
    EXPECT_THAT(said(""), HasSubstr("is empty"));
    EXPECT_THAT(said("GGU"), HasSubstr("is not a GGUF file"));
    EXPECT_THAT(said("PK\x03\x04 and so on"), HasSubstr("is not a GGUF file"));
    EXPECT_THAT(said(bytes.substr(0, 20)), HasSubstr("ends within its directory"));
    bytes[4] = 1;
    EXPECT_THAT(said(bytes), HasSubstr("GGUF version 1"));
    bytes[4] = 9;
    EXPECT_THAT(said(bytes), HasSubstr("GGUF version 9"));
    bytes[4] = 0, bytes[7] = 3;
    EXPECT_THAT(said(bytes), HasSubstr("big-endian"));
}

TEST(Gguf, RefusesCountsBeyondTheFile) {
    std::string bytes = SmallModel().bytes();
    bytes[15] = 0x7f;
    EXPECT_THAT(said(bytes), HasSubstr("tensors, more than"));
    bytes[15] = 0, bytes[23] = 0x7f;
    EXPECT_THAT(said(bytes), HasSubstr("metadata entries, more than"));
}

TEST(Gguf, RefusesTrailingAndMissingBytes) {
    const std::string bytes = SmallModel().bytes();
    EXPECT_EQ(said(bytes), "read");
    EXPECT_THAT(said(bytes + std::string(64, '\0')), HasSubstr("64 bytes after its last tensor"));
    EXPECT_THAT(said(bytes.substr(0, bytes.size() - 200)), HasSubstr("is cut short"));
}

TEST(Gguf, RefusesWhatItCannotRun) {
    EXPECT_EQ(said_with([](GgufWriter&) {}), "read");
    const auto with_u32 = [](const char* key, uint32_t value) {
        return said_with([=](GgufWriter& w) { w.add_u32(key, value); });
    };
    EXPECT_THAT(with_u32("llama.expert_count", 8), HasSubstr("mixture of experts"));
    EXPECT_THAT(with_u32("llama.attention.sliding_window", 4096), HasSubstr("sliding-window"));
    EXPECT_THAT(with_u32("llama.rope.dimension_count", 8), HasSubstr("llama.rope.dimension_count 8"));
    EXPECT_THAT(with_u32("llama.attention.value_length", 8), HasSubstr("heads are 16 wide"));
    EXPECT_THAT(with_u32("llama.vocab_size", 301), HasSubstr("llama.vocab_size 301 and 300 tokens"));
    EXPECT_THAT(with_u32("general.alignment", 3), HasSubstr("general.alignment"));
    EXPECT_THAT(with_u32("split.count", 4), HasSubstr("one part of several"));
    EXPECT_THAT(with_u32("tokenizer.ggml.bos_token_id", 300), HasSubstr("bos_token_id 300 of only 300"));
    EXPECT_EQ(with_u32("tokenizer.ggml.bos_token_id", UINT32_MAX), "read");
    EXPECT_EQ(with_u32("llama.rope.dimension_count", 16), "read");
    const auto with_text = [](const char* key, const char* value) {
        return said_with([=](GgufWriter& w) { w.add_text(key, value); });
    };
    EXPECT_THAT(with_text("llama.rope.scaling.type", "yarn"),
                HasSubstr("scales its rotary embedding ('yarn')"));
    EXPECT_EQ(with_text("llama.rope.scaling.type", "none"), "read");
    EXPECT_THAT(with_text("tokenizer.ggml.bos_token_id", "x"), HasSubstr("no whole number"));
    EXPECT_THAT(with_text("general.name", "twice"), HasSubstr("'general.name' twice"));
    EXPECT_THAT(said_with([](GgufWriter& w) { w.add_bool("llama.attention.causal", 2); }),
                HasSubstr("neither 0 nor 1"));
}

TEST(Gguf, RefusesOddNumbers) {
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float base : {0.0f, -1.0f, infinity, std::numeric_limits<float>::quiet_NaN(), 1e-30f}) {
        const auto text = said_with([=](GgufWriter& w) { w.add_f32("llama.rope.freq_base", base); });
        EXPECT_THAT(text, HasSubstr("llama.rope.freq_base")) << base;
    }
    for (const float epsilon : {0.0f, -1e-5f, 1e5f, std::numeric_limits<float>::quiet_NaN(), infinity}) {
        EXPECT_THAT(said_of([=](SmallModel& m) { m.epsilon = epsilon; }), HasSubstr("rms_epsilon"))
            << epsilon;
    }
    EXPECT_THAT(said_of([](SmallModel& m) { m.context = 0; }), HasSubstr("llama.context_length 0"));
}

TEST(Gguf, CapsTheContext) {
    SmallModel m;
    m.context = 0xffffffff;
    const std::string bytes = m.bytes();
    const Result<GgufContents> read = read_gguf(as_span(bytes), "m.gguf");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().config.max_context_tokens, 1u << 20);
}

/// The shape is stated once more by the tensors, so no single wrong number in the config gets through.
TEST(Gguf, RefusesShapesThatTheTensorsDoNotHave) {
    const SmallModel right;
    const auto with_config = [&](const std::function<void(SmallModel&)>& change) {
        SmallModel wrong;
        change(wrong);
        GgufWriter w;
        wrong.add_config(w);
        right.add_vocabulary(w);
        right.add_tensors(w);
        return said(w.bytes());
    };
    EXPECT_EQ(with_config([](SmallModel&) {}), "read");
    EXPECT_THAT(with_config([](SmallModel& m) { m.layers = 2; }),
                HasSubstr("has no tensor 'blk.1.attn_norm.weight'"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.layers = 1'000'000'000; }),
                HasSubstr("llama.block_count 1000000000"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.layers = 0; }), HasSubstr("llama.block_count 0"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.hidden = 64; }), HasSubstr("where its shape asks for"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.heads = 3; }), HasSubstr("do not divide its width"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.heads = 0; }), HasSubstr("head_count 0"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.kv_heads = 2; }), HasSubstr("attn_k"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.kv_heads = 0; }), HasSubstr("head_count_kv 0"));
    EXPECT_THAT(with_config([](SmallModel& m) { m.ffn = 32; }), HasSubstr("ffn_gate"));
}

TEST(Gguf, RefusesTensorsThatNoPlainModelHas) {
    const auto with_tensor = [](const char* name) {
        GgufWriter w;
        const SmallModel m;
        m.write(w);
        w.add_tensor(name, TensorType::kF32, {4}, std::vector<std::byte>(16));
        return said(w.bytes());
    };
    EXPECT_THAT(with_tensor("rope_freqs.weight"),
                HasSubstr("'rope_freqs.weight' that a plain llama model does not have"));
    EXPECT_THAT(with_tensor("blk.0.attn_q.bias"), HasSubstr("blk.0.attn_q.bias"));
    EXPECT_THAT(with_tensor("blk.0.attn_q.weight"), HasSubstr("twice"));
    EXPECT_THAT(with_tensor("a\nb\x01"), HasSubstr("'a\\x0ab\\x01'"));
}

TEST(Gguf, RefusesTensorsThatDoNotFit) {
    const auto with_tensor = [](TensorType type, std::initializer_list<uint64_t> dims) {
        GgufWriter w;
        w.add_tensor("t", type, dims, std::vector<std::byte>(64));
        return said(w.bytes());
    };
    EXPECT_THAT(with_tensor(TensorType::kF32, {1ull << 62, 1ull << 62}),
                HasSubstr("smaller than its tensor 't'"));
    EXPECT_THAT(with_tensor(TensorType::kF32, {1ull << 63, 2}), HasSubstr("smaller than its tensor 't'"));
    EXPECT_THAT(with_tensor(TensorType::kF32, {0}), HasSubstr("rows of 0 values"));
    EXPECT_THAT(with_tensor(TensorType::kF32, {4, 0}), HasSubstr("dimension of 0"));
    EXPECT_THAT(with_tensor(TensorType::kQ4_1, {33}), HasSubstr("not a multiple of 32"));
    EXPECT_THAT(with_tensor(TensorType::kQ6_K, {128}), HasSubstr("not a multiple of 256"));
    EXPECT_THAT(with_tensor(TensorType::kF32, {1, 1, 1, 1, 1}), HasSubstr("5 dimensions"));
    EXPECT_THAT(with_tensor(static_cast<TensorType>(23), {256}),
                HasSubstr("as IQ4_XS, which Pitwall does not read"));
    EXPECT_THAT(with_tensor(static_cast<TensorType>(4), {256}), HasSubstr("as number 4"));
}

}  // namespace
}  // namespace pitwall::engine
