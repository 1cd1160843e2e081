// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/core/session/engine_parts.h"

using namespace pitwall;
using namespace pitwall::app;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<uint32_t> gpus(const std::string& words) {
    const auto choice = parse_device(words);
    EXPECT_TRUE(choice.ok()) << words;
    if (!choice.ok()) return {};
    EXPECT_EQ(choice.value().kind, DeviceChoice::Kind::kCuda);
    return choice.value().cuda_indices;
}

std::string refusal(const std::string& words) {
    const auto choice = parse_device(words);
    return choice.ok() ? "" : choice.error().text();
}

}  // namespace

TEST(DeviceChoice, GpusAreListedInTheOrderAsked) {
    EXPECT_THAT(gpus("cuda"), ElementsAre(0));
    EXPECT_THAT(gpus("cuda:2"), ElementsAre(2));
    EXPECT_THAT(gpus("cuda:1,0"), ElementsAre(1, 0));
    EXPECT_THAT(gpus("cuda:0-3"), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(gpus("cuda:5,0-2,7-7"), ElementsAre(5, 0, 1, 2, 7));
    EXPECT_EQ(gpus("cuda:0-63").size(), 64u);
    for (const char* words : {"auto", "cpu", "cuda:0", "cuda:1,0", "cuda:0,1,2,3", "sim:h100"})
        EXPECT_EQ(device_words(parse_device(words).value()), words);
}

TEST(DeviceChoice, WhatIsNoListOfGpusIsRefused) {
    for (const char* words :
         {"cuda:", "cuda:,", "cuda:0,", "cuda:,1", "cuda:0,,1", "cuda:-", "cuda:1-", "cuda:-1", "cuda:0-1-2",
          "cuda:0x1", "cuda: 1", "cuda:4294967296", "cuda:first"})
        EXPECT_THAT(refusal(words), HasSubstr("a GPU is a number")) << words;
    EXPECT_THAT(refusal("cuda:0,1,0"), HasSubstr("GPU 0 is there twice"));
    EXPECT_THAT(refusal("cuda:0-3,2"), HasSubstr("GPU 2 is there twice"));
    EXPECT_THAT(refusal("cuda:3-1"), HasSubstr("3 is after 1"));
    EXPECT_THAT(refusal("cuda:0-64"), HasSubstr("more than 64 GPUs"));
    EXPECT_THAT(refusal("cuda:0-62,70-71"), HasSubstr("more than 64 GPUs"));
    EXPECT_THAT(refusal("cuda:1-4294967295"), HasSubstr("more than 64 GPUs"));
}

/// Whether somebody listens or not.
TEST(DeviceKnobs, WhatCanBeHadIsInUse) {
    SessionOptions options;
    options.model = "synthetic:tiny";
    options.device = "sim";
    ASSERT_TRUE(options.knobs.set_from_text("activation_dtype=bf16").ok());
    const auto opened = open_model_and_tokenizer(options, false, nullptr);
    VirtualClock clock;
    const auto made = make_lone_executor(options, *opened.value().model, clock, nullptr);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made.value()->activation_dtype(), presets::ActivationDtype::kBf16);
}
