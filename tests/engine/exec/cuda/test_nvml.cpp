// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/exec/cuda/nvml.h"

namespace pitwall::engine {
namespace {

using testing::HasSubstr;
constexpr const char* kBusId = "0000:3b:00.0";

class NvmlTest : public testing::Test {
  protected:
    NvmlTest() { ::setenv("PITWALL_NVML", PITWALL_FAKE_NVML, 1); }
    ~NvmlTest() override {
        ::unsetenv("PITWALL_NVML");
        ::unsetenv("FAKE_NVML");
    }
    static std::string trouble(const std::string& bus_id) {
        const auto opened = Nvml::open(bus_id);
        return opened.ok() ? "" : opened.error().text();
    }
};

TEST_F(NvmlTest, ReadsWhatTheDriverSays) {
    const auto nvml = Nvml::open(kBusId);
    ASSERT_TRUE(nvml.ok()) << nvml.error().text();
    const telemetry::GpuEvent gpu = nvml.value()->read();
    EXPECT_EQ(gpu.memory_used_bytes, int64_t{100} << 30);
    EXPECT_EQ(gpu.memory_total_bytes, int64_t{141} << 30);
    EXPECT_EQ(gpu.busy_percent, 97);
    EXPECT_EQ(gpu.memory_busy_percent, 61);
    EXPECT_EQ(gpu.power_mw, 612'345);
    EXPECT_EQ(gpu.power_limit_mw, 700'000);
    EXPECT_EQ(gpu.clock_mhz, 1755);
    EXPECT_EQ(gpu.max_clock_mhz, 1980);
    EXPECT_EQ(gpu.memory_clock_mhz, 3201);
    EXPECT_EQ(gpu.temperature_c, 54);
    EXPECT_EQ(gpu.throttle_reasons, 4);
    EXPECT_EQ(gpu.pcie_sent_bytes_s, -1) << "the function is not there";
}

TEST_F(NvmlTest, WhatItDoesNotSayIsMinusOne) {
    ::setenv("FAKE_NVML", "mute", 1);
    const auto nvml = Nvml::open(kBusId);
    ASSERT_TRUE(nvml.ok()) << nvml.error().text();
    const telemetry::GpuEvent gpu = nvml.value()->read();
    for (const int64_t value : {gpu.memory_used_bytes, gpu.memory_total_bytes, int64_t{gpu.busy_percent},
                                int64_t{gpu.power_mw}, int64_t{gpu.clock_mhz}, int64_t{gpu.temperature_c},
                                gpu.throttle_reasons, gpu.pcie_received_bytes_s})
        EXPECT_EQ(value, -1);
}

TEST_F(NvmlTest, SaysWhyThereIsNothingToBeHad) {
    EXPECT_THAT(trouble("0000:01:00.0"), HasSubstr("GPU 0000:01:00.0 in NVML: Not Found"));
    ::setenv("FAKE_NVML", "dead", 1);
    EXPECT_THAT(trouble(kBusId), HasSubstr("beginning with NVML"));
    ::setenv("PITWALL_NVML", "/none/libnvidia-ml.so", 1);
    EXPECT_THAT(trouble(kBusId), HasSubstr("management library does not load"));
    ::setenv("PITWALL_NVML", "libm.so.6", 1);
    EXPECT_THAT(trouble(kBusId), HasSubstr("libm.so.6 lacks what every NVML has"));
}

}  // namespace
}  // namespace pitwall::engine
