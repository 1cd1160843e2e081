// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/exec/cuda/runtime/no_device.h"

namespace pitwall::cuda {
namespace {

/// What CUDA 13 says without a driver, "driver version is insufficient", sends people looking for a newer one.
TEST(NoDevice, NoDriverIsNotAnOldOne) {
    const std::string insufficient = "CUDA driver version is insufficient for CUDA runtime version";
    EXPECT_EQ(reason_for_no_device({0, 13000, insufficient, 0}).what, "no NVIDIA driver was found");
    EXPECT_EQ(reason_for_no_device({12080, 13000, insufficient, 0}).what,
              "the NVIDIA driver knows CUDA 12.8, and the plug-in needs 13.0");
    EXPECT_EQ(reason_for_no_device({13000, 13010, "initialization error", 0}).what, "initialization error")
        << "an older one of the same major version will do";
    EXPECT_EQ(reason_for_no_device({13000, 13000, "", 0}).what, "the NVIDIA driver finds no GPU");
    EXPECT_EQ(reason_for_no_device({13000, 13000, "", 2}).what,
              "the NVIDIA driver has 2 and does not tell what they are");
    for (const DriverAnswer& answer :
         {DriverAnswer{}, DriverAnswer{12080, 13000, insufficient, 0}, DriverAnswer{13000, 13000, "", 0}})
        EXPECT_NE(reason_for_no_device(answer).hint.find("--device cpu"), std::string::npos);
}

}  // namespace
}  // namespace pitwall::cuda
