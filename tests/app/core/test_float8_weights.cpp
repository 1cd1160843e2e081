// SPDX-License-Identifier: GPL-3.0-or-later
//
// weight_dtype=fp8 as a user's script meets it, on a machine without a GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/app/core/program.h"

using namespace pitwall::testing_program;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

constexpr const char *kFloats = "synthetic:tiny:bf16", *kQuantized = "synthetic:tiny";

std::vector<std::string> with(std::vector<std::string> words, const char* model, const char* weights) {
    words.insert(words.end(), {"--model", model, "--set", std::string("weight_dtype=") + weights});
    return words;
}

json inspect(const char* device, const char* weights) {
    return json::parse(run_pitwall(with({"inspect", "--json", "--device", device}, kFloats, weights)).out);
}

double simulated_step_bytes(const char* model, const char* weights) {
    const Ended ended = run_pitwall(
        with({"bench", "--device", "sim", "--prompt", "16", "--generate", "2", "--json"}, model, weights));
    return json::parse(ended.out)["decode_step_bytes"].get<double>();
}

}  // namespace

TEST(Float8Weights, TheCpuRefusesInWords) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"generate", "--prompt", "x"}, {"bench", "--prompt", "8"}}) {
        auto command = with(words, kFloats, "fp8");
        command.insert(command.end(), {"--device", "cpu"});
        const Ended ended = run_pitwall(command);
        EXPECT_EQ(ended.code, 2) << ended.err;
        EXPECT_THAT(ended.last_line(),
                    HasSubstr("weight_dtype=fp8: the CPU computes with weights as the file has them"));
    }
    EXPECT_THAT(inspect("cpu", "fp8")["device_error"].get<std::string>(), HasSubstr("use --device cuda"));
}

/// Layers' matrices alone: a byte a weight, four a row.
TEST(Float8Weights, InspectTellsTheBytes) {
    const json file = inspect("sim", "file"), narrow = inspect("sim", "fp8");
    EXPECT_EQ(file["weight_dtype"], "file");
    EXPECT_EQ(narrow["weight_dtype"], "fp8");
    EXPECT_FALSE(narrow.contains("device_error"));
    const auto number = [&](const char* key) { return file[key].get<uint64_t>(); };
    const uint64_t hidden = number("hidden_size"), ffn = number("intermediate_size");
    const uint64_t q = number("num_heads") * number("head_dim"),
                   kv = number("num_kv_heads") * number("head_dim");
    const uint64_t values = hidden * (2 * q + 2 * kv + 3 * ffn), rows = q + 2 * kv + 2 * ffn + 2 * hidden;
    EXPECT_EQ(number("weight_bytes") - narrow["weight_bytes"].get<uint64_t>(),
              number("num_layers") * (values - rows * sizeof(float)));
}

TEST(Float8Weights, ASimulatedDeviceModelsTheBytes) {
    EXPECT_EQ(simulated_step_bytes(kQuantized, "fp8"), simulated_step_bytes(kQuantized, "file"))
        << "what is quantized stays";
    const json file = inspect("sim", "file"), narrow = inspect("sim", "fp8");
    EXPECT_EQ(simulated_step_bytes(kFloats, "file") - simulated_step_bytes(kFloats, "fp8"),
              file["weight_bytes"].get<double>() - narrow["weight_bytes"].get<double>());
}

/// Where nothing becomes narrower, nothing says so.
TEST(Float8Weights, OfAQuantizedModelTheyAreTheFilesAndThatIsTold) {
    const char* sentence =
        "pitwall: weight_dtype=fp8 is not to be had, file is in use instead: the model has no float weights "
        "in its layers";
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"generate", "--prompt", "x", "--max-tokens", "1"},
          {"bench", "--prompt", "8", "--generate", "2", "--json"}}) {
        auto command = with(words, kQuantized, "fp8");
        command.insert(command.end(), {"--device", "sim"});
        const Ended ended = run_pitwall(command);
        EXPECT_EQ(ended.code, 0) << ended.err;
        EXPECT_THAT(ended.err, HasSubstr(sentence));
        if (words.front() == "bench") {
            EXPECT_FALSE(json::parse(ended.out).contains("weight_dtype"));
        }
    }
    const json found =
        json::parse(run_pitwall(with({"inspect", "--json", "--device", "sim"}, kQuantized, "fp8")).out);
    EXPECT_EQ(found["weight_dtype"], "file");
}
