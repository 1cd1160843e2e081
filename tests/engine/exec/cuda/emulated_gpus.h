// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/exec/cuda/runtime/host_stream.h"

namespace pitwall::cuda {

/// Four of them, none with faults, and one again afterwards.
class EmulatedGpus : public testing::Test {
  protected:
    void SetUp() override { ::setenv("PITWALL_EMULATED_DEVICES", "4", 1); }
    void TearDown() override {
        host_faults() = {};
        ::unsetenv("PITWALL_EMULATED_DEVICES");
    }
};

}  // namespace pitwall::cuda
