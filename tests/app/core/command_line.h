// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/app/core/program.h"

namespace pitwall::testing_program {

/// These words with a model that takes no time.
inline std::vector<std::string> tiny(std::vector<std::string> words) {
    words.insert(words.end(), {"--model", "synthetic:tiny"});
    return words;
}

inline void expect_refused(const std::vector<std::string>& words, const std::string& culprit) {
    const Ended ended = run_pitwall(words);
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.last_line(), ::testing::MatchesRegex("pitwall: .+: .+"));
    EXPECT_THAT(ended.last_line(), ::testing::HasSubstr(culprit));
}

}  // namespace pitwall::testing_program
