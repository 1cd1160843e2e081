// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the real program says of devices: of those that a preset was saved beside, and of what the environment says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/app/core/command_line.h"

using namespace pitwall::testing_program;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

constexpr const char* kNoPlugin = "/nonexistent/plugin.so";

std::vector<std::string> one_token(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"generate", "--prompt", "a", "--max-tokens", "1"});
    return tiny(more);
}

}  // namespace

TEST(CommandDevice, InspectTellsTheKernels) {
    {
        const Variable tier("PITWALL_KERNEL_TIER", "plain");
        const json found = json::parse(run_pitwall(tiny({"inspect", "--json", "--device", "cpu"})).out);
        EXPECT_EQ(found["kernel_tier"], "plain");
    }
    {
        const Variable tier("PITWALL_KERNEL_TIER", "avx3");
        EXPECT_THAT(run_pitwall(tiny({"inspect", "--device", "cpu"})).out, HasSubstr("names no kernel tier"));
    }
    EXPECT_FALSE(
        json::parse(run_pitwall(tiny({"inspect", "--json", "--device", "sim"})).out).contains("kernel_tier"));
}

TEST(CommandDevice, Bf16ActivationsWithoutTheInstructionsAreRefused) {
    {
        const Variable tier("PITWALL_KERNEL_TIER", "plain");
        expect_refused(one_token({"--set", "activation_dtype=bf16"}), "bf16 activations need AVX512-BF16");
    }
    expect_refused(one_token({"--set", "activation_dtype=bfloat16"}), "did you mean bf16?");
    EXPECT_EQ(run_pitwall(one_token({"--device", "sim", "--set", "activation_dtype=bf16"})).code, 0);
}

TEST(CommandDevice, APresetOfAGpuOpensOnTheCpu) {
    const Variable none("PITWALL_CUDA_PLUGIN", kNoPlugin);  // what nobody names is the CPU as well
    const std::string preset = temporary("gpu.json"), ids = temporary("short.jsonl");
    write_file(ids, "{\"ids\": [5, 6]}\n");
    ASSERT_EQ(run_pitwall({"preset", "save", preset, "--set", "activation_dtype=f16", "--set",
                           "weight_dtype=fp8", "--set", "batch_invariant=false"})
                  .code,
              0);
    const std::vector<std::string> generate = {"generate", "--prompt", "a", "--max-tokens", "1"},
                                   score = {"score", "--ids", ids};
    for (const char* device : {"cpu", "auto"})
        for (const auto& command : {generate, score}) {
            auto words = tiny(command);
            words.insert(words.end(), {"--device", device, "--preset", preset});
            const Ended ended = run_pitwall(words);
            EXPECT_EQ(ended.code, 0) << ended.err;
            for (const char* sentence :
                 {"pitwall: the preset's activation_dtype=f16 is not to be had, i8 is in use instead: f16 "
                  "activations are for --device cuda",
                  "pitwall: the preset's weight_dtype=fp8 is not to be had, file is in use instead: the CPU "
                  "computes with weights as the file has them",
                  "the preset's batch_invariant=false is not to be had, true is in use"})
                EXPECT_THAT(ended.err, HasSubstr(sentence));
            for (const char* setting : {"activation_dtype=f16", "weight_dtype=fp8"}) {
                auto by_hand = words;
                by_hand.insert(by_hand.end(), {"--set", setting});
                EXPECT_EQ(run_pitwall(by_hand).code, 2) << setting << " by hand is refused";
            }
        }
    const json found = json::parse(run_pitwall({"inspect", "--json", "--device", "cpu", "--preset", preset,
                                                "--model", "synthetic:tiny:bf16"})
                                       .out);
    EXPECT_EQ(found["weight_dtype"], "file");
    EXPECT_FALSE(found.contains("device_error"));
}

TEST(CommandDevice, APresetOfTheFastModeOpensOnASimulatedDevice) {
    const std::string preset = temporary("fast.json");
    ASSERT_EQ(run_pitwall({"preset", "save", preset, "--set", "batch_invariant=false"}).code, 0);
    const auto words =
        tiny({"bench", "--device", "sim", "--prompt", "8", "--generate", "2", "--repeat", "1"});
    auto by_preset = words, by_hand = words;
    by_preset.insert(by_preset.end(), {"--preset", preset});
    by_hand.insert(by_hand.end(), {"--set", "batch_invariant=false"});
    const Ended ended = run_pitwall(by_preset);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("the preset's batch_invariant=false is not to be had, true is in use"));
    expect_refused(by_hand, "batch_invariant");
}

/// A machine with no plug-in, whatever it has beside: a session is on the CPU and knows why.
TEST(CommandDevice, WithoutAPluginItSaysWhyItIsOnTheCpu) {
    const Variable none("PITWALL_CUDA_PLUGIN", kNoPlugin);
    expect_refused(
        one_token({"--device", "cuda"}),
        "--device cuda: there is no CUDA plug-in (PITWALL_CUDA_PLUGIN=/nonexistent/plugin.so): name the file "
        "pitwall-cuda.so in PITWALL_CUDA_PLUGIN, or unset that");
    const json found = json::parse(run_pitwall(tiny({"inspect", "--json"})).out);
    EXPECT_EQ(found["device"], "cpu");
    EXPECT_EQ(found["device_reason"],
              "on the CPU: there is no CUDA plug-in (PITWALL_CUDA_PLUGIN=/nonexistent/plugin.so)");
    EXPECT_EQ(json::parse(run_pitwall(tiny({"inspect", "--json", "--device", "sim:a100"})).out)["device"],
              "sim:a100");
    const Variable no_library("PITWALL_CUDA_PLUGIN", "/dev/null");
    expect_refused(one_token({"--device", "cuda"}), "does not load");
}

TEST(CommandDevice, WhatTheCpuRefusesHasItsReasonWhereNobodyNamedIt) {
    const Variable none("PITWALL_CUDA_PLUGIN", kNoPlugin);
    expect_refused(one_token({"--set", "weight_dtype=fp8"}),
                   "weight_dtype=fp8: the CPU computes with weights as the file has them (on the CPU: there "
                   "is no CUDA plug-in (PITWALL_CUDA_PLUGIN=/nonexistent/plugin.so)): use --device cuda");
    expect_refused(one_token({"--set", "weight_dtype=fp8", "--device", "cpu"}),
                   "as the file has them: use --device cuda");
}

/// A copy of the program in a folder of its own has none beside it.
TEST(CommandDevice, WithoutAPluginItSaysWhereItLooked) {
    const Variable none("PITWALL_CUDA_PLUGIN", "");
    const std::string folder = temporary("bin"), program = folder + "/pitwall-headless";
    std::filesystem::create_directories(folder);
    std::error_code apart;
    std::filesystem::create_hard_link(PITWALL_HEADLESS, program, apart);
    if (apart) std::filesystem::copy_file(PITWALL_HEADLESS, program);
    const std::string err = temporary("places.err");
    const int status = std::system(
        (program + " generate --prompt x --model synthetic:tiny --device cuda:7 2> '" + err + "'").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 2);
    EXPECT_THAT(slurp(err), HasSubstr("--device cuda:7: there is no CUDA plug-in (looked for "));
    for (const std::string& place : {folder + "/pitwall-cuda.so", temporary("lib/pitwall/pitwall-cuda.so")})
        EXPECT_THAT(slurp(err), HasSubstr(place));
    EXPECT_THAT(slurp(err), HasSubstr("PITWALL_CUDA_PLUGIN"));
}

/// What no part of the command reads stops nothing: those of GPUs are read where there is one.
TEST(CommandDevice, WithoutAPluginItsVariablesStopNothing) {
    const Variable none("PITWALL_CUDA_PLUGIN", kNoPlugin);
    for (const char* name : {"PITWALL_CUDA_GRAPHS", "PITWALL_CUDA_OVERLAP", "PITWALL_CUDA_CHECK",
                             "PITWALL_EMULATED_DEVICES", "PITWALL_EMULATED_LOSS", "PITWALL_SEED"}) {
        const Variable wrong(name, "of");
        EXPECT_EQ(run_pitwall(one_token()).code, 0) << name;
        expect_refused(one_token({"--device", "cuda"}), "there is no CUDA plug-in");
    }
}

TEST(CommandDevice, AKernelTierThatIsNotUnderstoodStopsTheProgram) {
    const Variable wrong("PITWALL_KERNEL_TIER", "avx3");
    expect_refused(one_token({"--device", "cpu"}), "PITWALL_KERNEL_TIER=avx3 names no kernel tier");
}
