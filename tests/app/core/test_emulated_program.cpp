// SPDX-License-Identifier: GPL-3.0-or-later
//
// The real program on an emulated GPU: what it says of a device that is not what was asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/app/core/program.h"

using namespace pitwall::testing_program;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

class EmulatedProgram : public testing::Test {
  protected:
    EmulatedProgram() { ::setenv("PITWALL_CUDA_PLUGIN", PITWALL_EMULATED_PLUGIN, 1); }
    ~EmulatedProgram() override { ::unsetenv("PITWALL_CUDA_PLUGIN"); }

    static Ended run(std::vector<std::string> words, const std::string& device = "cuda") {
        words.insert(words.end(), {"--model", "synthetic:tiny", "--device", device});
        return run_pitwall(words);
    }
    static Ended generate(std::vector<std::string> more, const std::string& device = "cuda") {
        more.insert(more.begin(), {"generate", "--prompt", "a", "--max-tokens", "1"});
        return run(std::move(more), device);
    }
    static std::string preset(const std::string& settings) {
        const std::string path = temporary("preset.json");
        write_file(path, R"({"pitwall_preset": 1, "name": "p", "settings": {)" + settings + "}}");
        return path;
    }
};

}  // namespace

TEST_F(EmulatedProgram, SaysWhichActivationsAreInUseInstead) {
    const std::string sentence =
        "pitwall: activation_dtype=i8 is not to be had, f16 is in use instead: a CUDA device has f16 "
        "activations";
    const Ended asked = generate({"--set", "activation_dtype=i8", "--json"});
    EXPECT_EQ(asked.code, 0) << asked.err;
    EXPECT_THAT(asked.err, HasSubstr(sentence));
    EXPECT_TRUE(json::accept(asked.out)) << asked.out;
    const Ended benched =
        run({"bench", "--prompt", "1", "--generate", "0", "--repeat", "1", "--set", "activation_dtype=i8"});
    EXPECT_THAT(benched.err, HasSubstr(sentence));
    EXPECT_THAT(generate({}).err, Not(HasSubstr("activation_dtype"))) << "a default is nobody's wish";
    EXPECT_THAT(generate({"--set", "activation_dtype=f16"}).err, Not(HasSubstr("activation_dtype")));
}

TEST_F(EmulatedProgram, APresetOfTheCpuOpensOnAGpu) {
    const Ended by_preset = generate({"--preset", preset(R"("kv_cache_dtype": "f32")")});
    EXPECT_EQ(by_preset.code, 0) << by_preset.err;
    EXPECT_THAT(
        by_preset.err,
        HasSubstr("pitwall: the preset's kv_cache_dtype=f32 is not to be had, f16 is in use instead"));
    EXPECT_EQ(generate({"--set", "kv_cache_dtype=f32"}).code, 2) << "by hand it is refused";
}

TEST_F(EmulatedProgram, SaysThatItIsEmulated) {
    EXPECT_THAT(generate({}).err, HasSubstr("the GPU is an emulated one"));
    EXPECT_THAT(generate({}, "cpu").err, Not(HasSubstr("emulated")));
    EXPECT_EQ(json::parse(run({"inspect", "--json"}).out)["kernel_tier"], "cuda-emulated");
}

TEST_F(EmulatedProgram, AGpuThatIsNotThereIsNamedAsItWasTyped) {
    const Ended one = generate({}, "cuda:7");
    EXPECT_EQ(one.code, 2);
    EXPECT_THAT(one.last_line(),
                HasSubstr("--device cuda:7: there is no GPU 7: one was found, Emulated GPU: use cuda:0"));
    ::setenv("PITWALL_EMULATED_DEVICES", "3", 1);
    const Ended several = generate({}, "cuda:1,5");
    ::unsetenv("PITWALL_EMULATED_DEVICES");
    EXPECT_THAT(several.last_line(),
                HasSubstr("--device cuda:1,5: there is no GPU 5: 3 were found, 3 x Emulated "
                          "GPU: use cuda:0 to cuda:2"));
}

TEST_F(EmulatedProgram, WhoTurnedNcclOffIsTold) {
    ::setenv("PITWALL_EMULATED_DEVICES", "2", 1);
    ::setenv("PITWALL_NCCL", "off", 1);
    const Ended ended = generate({}, "cuda:0,1");
    ::unsetenv("PITWALL_EMULATED_DEVICES");
    ::unsetenv("PITWALL_NCCL");
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.last_line(), HasSubstr("NCCL is turned off by PITWALL_NCCL=off in the environment"));
}

/// Which would leave the default device on the CPU without a word of it.
TEST_F(EmulatedProgram, AVariableThatIsNotUnderstoodStopsTheProgram) {
    const std::pair<const char*, const char*> wrong[] = {{"PITWALL_CUDA_GRAPHS", "of"},
                                                         {"PITWALL_CUDA_OVERLAP", "1"},
                                                         {"PITWALL_CUDA_CHECK", "yes"},
                                                         {"PITWALL_EMULATED_DEVICES", "0"},
                                                         {"PITWALL_EMULATED_LOSS", "3,x"},
                                                         {"PITWALL_EMULATED_LOSS", "3,"},
                                                         {"PITWALL_SEED", "-1"}};
    for (const auto& [name, value] : wrong) {
        const Variable variable(name, value);
        const std::string culprit = std::string(name) + "=" + value + " is not understood: set it to ";
        for (const char* device : {"cuda", "auto"}) {
            const Ended ended = generate({}, device);
            EXPECT_EQ(ended.code, 2) << device;
            EXPECT_THAT(ended.last_line(), HasSubstr(culprit)) << device;
            const json found = json::parse(run({"inspect", "--json"}, device).out);
            EXPECT_THAT(found.value("device_error", ""), HasSubstr(culprit)) << device;
        }
        EXPECT_EQ(run({"bench", "--prompt", "1"}).code, 2);
        EXPECT_EQ(generate({}, "cpu").code, 0);
        EXPECT_FALSE(json::parse(run({"inspect", "--json"}, "cpu").out).contains("device_error"));
    }
}
