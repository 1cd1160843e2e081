// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/exec/cuda/runtime/built_code.h"

namespace pitwall::cuda {
namespace {

TEST(CudaBuiltCode, MachineCodeRunsOnItsMajorVersionFromItsMinorOn) {
    EXPECT_TRUE(runs_on("80-real", 8, 0));
    EXPECT_TRUE(runs_on("80-real", 8, 6)) << "an A10 runs what was made for an A100";
    EXPECT_FALSE(runs_on("86-real", 8, 0));
    EXPECT_FALSE(runs_on("80-real", 9, 0));
    EXPECT_FALSE(runs_on("80-real", 7, 5));
}

TEST(CudaBuiltCode, WhatIsOfOneVersionOrFamilyRunsThere) {
    EXPECT_TRUE(runs_on("90a", 9, 0));
    EXPECT_TRUE(runs_on("90a-real", 9, 0));
    EXPECT_FALSE(runs_on("90a", 10, 0)) << "its PTX, too";
    EXPECT_FALSE(runs_on("100a", 10, 3));
    EXPECT_TRUE(runs_on("100f", 10, 3));
    EXPECT_FALSE(runs_on("100f", 12, 0));
}

TEST(CudaBuiltCode, PtxRunsOnAllLaterOnes) {
    EXPECT_TRUE(runs_on("80", 12, 0));
    EXPECT_TRUE(runs_on("80-virtual", 9, 0));
    EXPECT_FALSE(runs_on("90", 8, 9));
}

TEST(CudaBuiltCode, OneOfAListIsEnough) {
    const char* const release = "80-real,86-real,89-real,90a-real,100";
    for (const auto& [major, minor] :
         {std::pair{8u, 0u}, {8u, 6u}, {8u, 7u}, {8u, 9u}, {9u, 0u}, {10u, 0u}, {12u, 0u}})
        EXPECT_TRUE(runs_on(release, major, minor)) << major << "." << minor;
    EXPECT_FALSE(runs_on(release, 7, 5));
    EXPECT_TRUE(runs_on("native", 7, 5));
    EXPECT_FALSE(runs_on("", 9, 0));
}

}  // namespace
}  // namespace pitwall::cuda
