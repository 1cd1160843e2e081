// SPDX-License-Identifier: GPL-3.0-or-later
//
// `score` of the real program on an emulated GPU: how far its logits are from the CPU's with activations in float32, by format of
// KV, and that they are the same bits each time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "tests/app/core/program.h"
#include "tests/storm.h"

using namespace pitwall::testing_program;
using nlohmann::json;

namespace {

constexpr size_t kVocab = 512;  ///< of synthetic:tiny

using Logits = std::vector<float>;  ///< [positions, kVocab]

struct Scored {
    double mean_nll = 0;
    Logits logits;
};

double log_of_sum(const float* row) {
    const double largest = *std::max_element(row, row + kVocab);
    double sum = 0;
    for (size_t i = 0; i < kVocab; ++i) sum += std::exp(row[i] - largest);
    return largest + std::log(sum);
}

/// Mean KL divergence in nats, over all positions.
double divergence(const Logits& from, const Logits& to) {
    EXPECT_EQ(from.size(), to.size());
    if (from.empty() || from.size() != to.size()) return NAN;
    double sum = 0;
    for (size_t at = 0; at < from.size(); at += kVocab) {
        const double all_from = log_of_sum(&from[at]), all_to = log_of_sum(&to[at]);
        for (size_t i = at; i < at + kVocab; ++i)
            sum += std::exp(from[i] - all_from) * ((from[i] - all_from) - (to[i] - all_to));
    }
    return sum / static_cast<double>(from.size() / kVocab);
}

class EmulatedScore : public testing::Test {
  protected:
    /// Random tokens in texts of these lengths.
    void write_texts(const std::vector<size_t>& lengths) {
        std::mt19937 random(1);
        std::string lines;
        positions_ = 0;
        for (const size_t length : lengths) {
            json ids = json::array();
            for (size_t i = 0; i < length; ++i) ids.push_back(random() % kVocab);
            lines += json{{"ids", ids}}.dump() + "\n";
            positions_ += length;
        }
        texts_ = lengths.size();
        write_file(ids_, lines);
    }
    Scored score(std::vector<std::string> more) const {
        std::vector<std::string> words = {"score", "--ids", ids_, "--logits", raw_, "--overwrite", "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Ended ended = run_pitwall(words);
        EXPECT_EQ(ended.code, 0) << ended.err;
        const std::string raw = slurp(raw_);
        EXPECT_EQ(raw.size(), positions_ * kVocab * sizeof(float));
        if (ended.code != 0 || raw.size() != positions_ * kVocab * sizeof(float)) return {};
        Scored scored;
        scored.logits.resize(positions_ * kVocab);
        std::memcpy(scored.logits.data(), raw.data(), raw.size());
        const json told = json::parse(ended.out);
        EXPECT_EQ(told["tokens"], positions_ - texts_);
        scored.mean_nll = told["mean_nll"].get<double>();
        return scored;
    }
    /// What a token's score may be off by has a variance of about twice the divergence: four deviations of the mean.
    double most_off_score(double most_divergence) const {
        return 4 * std::sqrt(2 * most_divergence / static_cast<double>(positions_ - texts_));
    }
    static std::vector<std::string> words(const char* model, const char* device, const char* kv) {
        return {"--model", model, "--device", device, "--set", std::string("kv_cache_dtype=") + kv};
    }
    Scored on_gpu(const char* model, const char* kv, std::vector<std::string> more = {},
                  const char* device = "cuda") const {
        const auto first = words(model, device, kv);
        more.insert(more.begin(), first.begin(), first.end());
        return score(more);
    }
    Scored on_cpu(const char* model, const char* kv) const {
        auto all = words(model, "cpu", kv);
        all.insert(all.end(), {"--set", "activation_dtype=f32"});
        return score(all);
    }

    const Variable plugin_{"PITWALL_CUDA_PLUGIN", PITWALL_EMULATED_PLUGIN};
    const std::string ids_ = temporary("emulated.jsonl"), raw_ = temporary("emulated.f32");
    size_t positions_ = 0, texts_ = 0;
};

constexpr const char *kQuantized = "synthetic:tiny", *kFloats = "synthetic:tiny:bf16";

}  // namespace

/// Bounds are two to three times what was measured. What is coarser than int8 costs more than its bound, so that a device which
/// keeps KV in another format than was asked is found out.
TEST_F(EmulatedScore, IsTheCpusInEveryFormatOfKv) {
    struct Format {
        const char* kv;
        double most_divergence;
        bool is_coarse;
    };
    constexpr Format kFormats[] = {{"f16", 2e-4, false}, {"bf16", 3e-4, false}, {"int8", 6e-4, false},
                                   {"fp8", 2e-3, true},  {"k8v4", 8e-3, true},  {"int4", 1.2e-2, true}};
    write_texts(pitwall::kSanitized ? std::vector<size_t>{1, 20} : std::vector<size_t>{1, 17, 100});
    for (const char* model : {kQuantized, kFloats}) {
        const Scored fine = on_cpu(model, "f16");
        for (const Format& format : kFormats) {
            SCOPED_TRACE(std::string(model) + " with KV in " + format.kv);
            const Scored cpu = on_cpu(model, format.kv), gpu = on_gpu(model, format.kv);
            const double off = divergence(cpu.logits, gpu.logits);
            EXPECT_LT(off, format.most_divergence);
            EXPECT_GT(off, 0) << "the CPU computed both";
            EXPECT_NEAR(gpu.mean_nll, cpu.mean_nll, most_off_score(format.most_divergence));
            if (format.is_coarse) {
                EXPECT_GT(divergence(fine.logits, gpu.logits), format.most_divergence);
            }
        }
    }
}

/// Whatever order the device's threads run in, over more positions than are computed at once, on one GPU and on two that share the
/// model.
TEST_F(EmulatedScore, IsTheSameBitsEachTime) {
    write_texts(pitwall::kSanitized ? std::vector<size_t>{30} : std::vector<size_t>{260, 5});
    const Variable two("PITWALL_EMULATED_DEVICES", "2");
    constexpr std::pair<const char*, const char*> kCases[] = {
        {"cuda", "f16"}, {"cuda", "int4"}, {"cuda:0,1", "f16"}};
    for (const auto& [device, kv] : kCases) {
        SCOPED_TRACE(std::string(device) + " with KV in " + kv);
        const auto scored = [&, on = device, in = kv](const char* order) {
            const Variable seed("PITWALL_SEED", order);
            return on_gpu(kQuantized, in, {}, on);
        };
        const Scored first = scored("1"), second = scored("2");
        EXPECT_EQ(first.logits, second.logits);
        EXPECT_EQ(first.mean_nll, second.mean_nll);
        EXPECT_LT(divergence(on_cpu(kQuantized, kv).logits, first.logits), 1.2e-2);
    }
}

/// What changes the arithmetic changes the bits, and by how much is known.
TEST_F(EmulatedScore, TheFastModeAndFloat8WeightsAreAsFarOffAsTheyMayBe) {
    if (pitwall::kSanitized) GTEST_SKIP() << "products by a library begin with 256 tokens";
    write_texts({256});
    const Logits exact = on_gpu(kQuantized, "f16").logits;
    const Logits fast = on_gpu(kQuantized, "f16", {"--set", "batch_invariant=false"}).logits;
    EXPECT_NE(fast, exact) << "no library multiplied";
    EXPECT_LT(divergence(on_cpu(kQuantized, "f16").logits, fast), 2e-4);
    const Logits floats = on_cpu(kFloats, "f16").logits;
    const double rounded = divergence(floats, on_gpu(kFloats, "f16", {"--set", "weight_dtype=fp8"}).logits);
    EXPECT_LT(rounded, 3e-2);
    EXPECT_GT(rounded, 2e-3) << "weights are as in the file";
}
