// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/base/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

using namespace pitwall;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

constexpr const char* kName = "PITWALL_TEST_VARIABLE";

class Environment : public testing::Test {
  protected:
    ~Environment() override { ::unsetenv(kName); }
    static void set(const char* text) { ::setenv(kName, text, 1); }
    static std::string refusal() {
        const auto numbers = environment_numbers(kName, 1, 16, 2);
        return numbers.ok() ? "" : numbers.error().text();
    }
};

}  // namespace

TEST_F(Environment, NothingIsNotSet) {
    for (const char* text : {static_cast<const char*>(nullptr), ""}) {
        text ? set(text) : static_cast<void>(::unsetenv(kName));
        EXPECT_EQ(environment_text(kName), "");
        EXPECT_EQ(environment_word(kName, {"a"}).value(), "");
        EXPECT_TRUE(environment_switch(kName, true).value());
        EXPECT_FALSE(environment_switch(kName, false).value());
        EXPECT_THAT(environment_numbers(kName, 1, 16).value(), IsEmpty());
    }
}

TEST_F(Environment, WordsAreThoseAllowed) {
    set("on");
    EXPECT_TRUE(environment_switch(kName, false).value());
    set("off");
    EXPECT_FALSE(environment_switch(kName, true).value());
    for (const char* text : {"On", "1", "true", "of", " on"}) {
        set(text);
        EXPECT_EQ(environment_switch(kName, true).error().text(),
                  std::string("the environment variable PITWALL_TEST_VARIABLE=") + text +
                      " is not understood: set it to on or off, or leave it out");
    }
}

TEST_F(Environment, NumbersAreWholeAndInRange) {
    set("1,16");
    EXPECT_THAT(environment_numbers(kName, 1, 16, 2).value(), ElementsAre(1, 16));
    for (const char* text : {"0", "17", "1,", ",1", "1,,2", "1,2,3", "-1", "1.5", "0x1", "a", " 1", "1 ",
                             "99999999999999999999999"}) {
        set(text);
        EXPECT_THAT(refusal(), testing::HasSubstr("set it to whole numbers from 1 to 16")) << text;
    }
    set(std::string(1000, '1').c_str());
    EXPECT_LT(refusal().size(), 250u);
}
