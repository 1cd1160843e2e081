// SPDX-License-Identifier: GPL-3.0-or-later
//
// A test over the fake library of fake_cublaslt.cpp: at its end nothing is alive there, nothing was destroyed twice, and nothing
// was asked that it had to refuse, but for what a test took away from `refusals`.
#pragma once

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/exec/cuda/fake_cublaslt.h"

namespace pitwall::cuda {

class CublasLtTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("PITWALL_CUBLASLT", PITWALL_FAKE_CUBLASLT, 1);
        file_ = ::dlopen(PITWALL_FAKE_CUBLASLT, RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(file_, nullptr) << ::dlerror();
        fake_ = function<FakeCublasLt* (*)()>("fake_cublaslt")();
        *fake_ = {};
    }
    void TearDown() override {
        ::unsetenv("PITWALL_CUBLASLT");
        if (fake_ == nullptr) return;  // SetUp() has said why
        for (const auto& [kind, count] : fake_->alive) EXPECT_EQ(count, 0) << "of kind " << kind;
        EXPECT_THAT(fake_->refusals, testing::IsEmpty());
    }
    template <class Function>
    Function function(const char* name) const {
        return reinterpret_cast<Function>(::dlsym(file_, name));
    }
    /// What it has refused since this was last asked.
    std::vector<std::string> refusals() { return std::exchange(fake_->refusals, {}); }

    void* file_ = nullptr;
    FakeCublasLt* fake_ = nullptr;
};

}  // namespace pitwall::cuda
