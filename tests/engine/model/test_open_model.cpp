// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/model/model.h"
#include "engine/model/random_fill.h"
#include "engine/model/weights.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/engine/model/gguf_writer.h"

namespace pitwall::engine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::unique_ptr<Model> opened(std::string_view spec, uint64_t seed = 1, bool weights = true) {
    Result<std::unique_ptr<Model>> model = open_model(spec, seed, weights);
    EXPECT_TRUE(model.ok()) << model.error().text();
    return model.ok() ? std::move(model).value() : nullptr;
}

std::string refusal(std::string_view spec) {
    const Result<std::unique_ptr<Model>> model = open_model(spec, 1, true);
    return model.ok() ? "opened" : model.error().text();
}

struct TemporaryFolder {
    TemporaryFolder() : path(fs::temp_directory_path() / ("pitwall-model-" + std::to_string(::getpid()))) {
        fs::create_directories(path);
    }
    ~TemporaryFolder() { fs::remove_all(path); }
    fs::path path;
};

uint64_t fingerprint(const TensorView& t) {  // FNV-1a
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < t.bytes; ++i)
        hash = (hash ^ std::to_integer<uint64_t>(t.data[i])) * 0x100000001b3u;
    return hash;
}

TEST(SyntheticModel, IsTheSameForTheSameSeedEverywhere) {
    const auto a = opened("synthetic:tiny", 1), b = opened("synthetic:tiny", 1),
               c = opened("synthetic:tiny", 2);
    EXPECT_EQ(fingerprint(a->layer(1).down), fingerprint(b->layer(1).down));
    EXPECT_NE(fingerprint(a->layer(1).down), fingerprint(c->layer(1).down));
    EXPECT_NE(fingerprint(a->layer(0).q), fingerprint(a->layer(1).q));
    // Pinned: recordings and benchmarks of synthetic models must stay comparable.
    EXPECT_EQ(fingerprint(a->embedding()), 2394881047071237517u);
    EXPECT_EQ(fingerprint(a->layer(0).attn_norm), 10033572719989804066u);
    EXPECT_EQ(fingerprint(a->layer(1).down), 11490688501508606807u);
}

TEST(SyntheticModel, WeightsHaveUnitGain) {
    const auto model = opened("synthetic:smollm2-135m");
    const auto gain = [](const TensorView& t) {
        std::vector<float> values(size_t{t.rows} * t.columns);
        dequantize(t.type, t.data, values.size(), values.data());
        double sum = 0, squares = 0;
        for (const float v : values) sum += v, squares += double{v} * v;
        const auto count = static_cast<double>(values.size());
        EXPECT_NEAR(sum / count * std::sqrt(t.columns), 0, 0.05);
        return std::sqrt(squares / count * t.columns);
    };
    EXPECT_NEAR(gain(model->layer(3).up), 1, 0.05);
    EXPECT_NEAR(gain(model->layer(29).down), 1, 0.05);
    EXPECT_NEAR(gain(model->embedding()), 2, 0.1);
}

TEST(SyntheticModel, SmollmHasTheShapeOfTheDefaultModel) {
    const auto model = opened("synthetic:smollm2-135m", 1, false);
    EXPECT_EQ(model->weight_bytes(), 96'576'768u);
    EXPECT_TRUE(model->layer(0).q.empty());
    EXPECT_EQ(model->layer(0).q.rows, 576u);
    EXPECT_EQ(model->format_summary(), "Q4_1 66 MB, Q8_0 30 MB, F32 0.1 MB");
    EXPECT_EQ(weight_kinds(*model), "quantized") << "norms are multiplied with no activations";
}

TEST(SyntheticModel, LargeShapesExistWithoutWeights) {
    EXPECT_EQ(opened("synthetic:tiny:bf16")->layer(0).up.type, TensorType::kBF16);
    const auto model = opened("synthetic:llama-3.1-70b", 1, false);
    EXPECT_EQ(model->config().num_layers, 80u);
    EXPECT_FALSE(model->config().tied_embeddings);
    EXPECT_GT(model->weight_bytes(), 40'000'000'000u);
    EXPECT_EQ(model->vocabulary().tokens.size(), 128256u);
    EXPECT_THAT(refusal("synthetic:llama-3.1-70b"), HasSubstr("--device sim"));
    EXPECT_THAT(refusal("synthetic:tinny"),
                HasSubstr("tiny, tiny-draft, smollm2-135m, llama-3.2-1b, llama-3.1-8b, llama-3.1-70b"));
}

TEST(SyntheticModel, SpeaksText) {
    for (const char* spec : {"synthetic:tiny", "synthetic:smollm2-135m"}) {
        const auto model = opened(spec, 1, false);
        const auto tokenizer = Tokenizer::create(model->vocabulary());
        ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
        const std::string text = "Any bytes: \xe2\x82\xac 1 2 3\n";
        EXPECT_EQ(tokenizer.value()->decode(tokenizer.value()->encode(text, true)), text);
        EXPECT_EQ(tokenizer.value()->vocab_size(), model->config().vocab_size);
        EXPECT_TRUE(tokenizer.value()->render_chat(std::vector<ChatMessage>{{"user", "Hi"}}).ok());
    }
}

TEST(OpenModel, DefaultModel) {
    if (!fs::exists(default_model_path())) GTEST_SKIP() << "no default model: run scripts/fetch-model";
    const auto model = opened("");
    EXPECT_EQ(model->config().num_layers, 30u);
    EXPECT_EQ(model->config().hidden_size, 576u);
    EXPECT_EQ(model->config().num_heads, 9u);
    EXPECT_EQ(model->config().num_kv_heads, 3u);
    EXPECT_EQ(model->config().head_dim, 64u);
    EXPECT_EQ(model->config().max_context_tokens, 8192u);
    EXPECT_EQ(model->config().rope_base, 100000.0f);
    EXPECT_TRUE(model->config().tied_embeddings);
    EXPECT_EQ(model->layer(29).down.type, TensorType::kQ4_1);
    EXPECT_EQ(model->sha256(), "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    const uint64_t before = fingerprint(model->layer(7).v);
    model->release_pages();
    EXPECT_EQ(fingerprint(model->layer(7).v), before);
}

TEST(OpenModel, FilesThatAreNoModels) {
    const TemporaryFolder folder;
    const std::string pipe = folder.path / "pipe", text = folder.path / "text.gguf",
                      none = folder.path / "none";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::ofstream(text) << "hello";
    EXPECT_THAT(refusal(pipe), HasSubstr("is not a regular file"));
    EXPECT_THAT(refusal(folder.path.string()), HasSubstr("is not a regular file"));
    EXPECT_THAT(refusal(text), HasSubstr("is not a GGUF file"));
    EXPECT_THAT(refusal(none), HasSubstr(none));
}

TEST(OpenModel, FileAndItsPath) {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "small.gguf";
    const std::string bytes = SmallModel().bytes();
    std::ofstream(path, std::ios::binary) << bytes;
    const auto model = opened((folder.path / "." / "small.gguf").string());
    EXPECT_EQ(model->path(), path.string());
    EXPECT_EQ(model->sha256().size(), 64u);
    EXPECT_EQ(model->config().name, "small");
    EXPECT_EQ(opened(path.string(), 1, false)->config().num_layers, 1u);
}

TEST(OpenModel, DefaultPathFollowsXdg) {
    const char* old = std::getenv("XDG_CACHE_HOME");
    const std::string saved = old != nullptr ? old : "";
    ::setenv("XDG_CACHE_HOME", "/nowhere", 1);
    EXPECT_EQ(default_model_path(), "/nowhere/pitwall/SmolLM2-135M-Instruct.Q4_1.gguf");
    EXPECT_THAT(refusal(""), HasSubstr("scripts/fetch-model"));
    ::setenv("XDG_CACHE_HOME", "relative", 1);
    EXPECT_THAT(default_model_path(), HasSubstr("/.cache/pitwall/"));
    old != nullptr ? ::setenv("XDG_CACHE_HOME", saved.c_str(), 1) : ::unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace pitwall::engine
