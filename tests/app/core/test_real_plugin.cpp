// SPDX-License-Identifier: GPL-3.0-or-later
//
// The real program with the plug-in that this build made, whether there is a GPU or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/app/core/program.h"

using namespace pitwall::testing_program;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace {

const std::vector<std::string> kModel = {"--model", "synthetic:tiny"};

Ended run(std::vector<std::string> words) {
    words.insert(words.end(), kModel.begin(), kModel.end());
    return run_pitwall(words);
}

TEST(RealPlugin, LoadsAndSaysInOneLineWhyThereIsNoGpu) {
    const Variable plugin("PITWALL_CUDA_PLUGIN", PITWALL_REAL_PLUGIN);
    const Ended inspected = run({"inspect", "--json"});
    ASSERT_EQ(inspected.code, 0) << inspected.err;
    const json facts = json::parse(inspected.out);
    if (facts["kernel_tier"].get<std::string>().starts_with("cuda-sm")) GTEST_SKIP() << "there is a GPU";
    const auto reason = facts["device_reason"].get<std::string>();
    EXPECT_THAT(reason, StartsWith("on the CPU: there is no GPU: ")) << "the plug-in was loaded and asked";
    EXPECT_THAT(reason, Not(HasSubstr("\n")));
    const Ended generated = run({"generate", "--prompt", "a", "--max-tokens", "1", "--json"});
    EXPECT_EQ(generated.code, 0) << generated.err;
    EXPECT_TRUE(json::accept(generated.out)) << generated.out;
    const Ended by_name = run({"generate", "--prompt", "a", "--device", "cuda"});
    EXPECT_EQ(by_name.code, 2);
    EXPECT_THAT(by_name.last_line(), StartsWith("pitwall: --device cuda: there is no GPU: "));
    EXPECT_THAT(by_name.last_line(), HasSubstr("--device cpu"));
}

}  // namespace
