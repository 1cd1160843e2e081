// SPDX-License-Identifier: GPL-3.0-or-later
//
// Launches that a device refuses, and what is said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/exec/cuda/runtime/launch.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/engine/exec/cuda/emulated_limits.h"

namespace pitwall::cuda {
namespace {

using testing::HasSubstr;

struct Args {
    uint32_t* out;
};
void writes_one(Args args) { args.out[thread()] = 1; }

class EmulatedLaunches : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }
    Stream stream;
    EmulatedLimits limits{99 << 10};
};

TEST_F(EmulatedLaunches, OneThatIsRefusedIsNamedOnce) {
    const DeviceArray<uint32_t> out(stream, 32);
    launch(stream, {.kernel = "fits", .threads = 32, .shared_bytes = 99 << 10}, writes_one, {out.data()});
    ASSERT_TRUE(stream.check().ok());
    launch(stream, {.kernel = "large", .x = 2, .threads = 32, .shared_bytes = 131072}, writes_one,
           {out.data()});
    launch(stream, {.kernel = "second", .y = 65536, .threads = 32}, writes_one, {out.data()});
    const Status status = stream.synchronize();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(
        status.error().what,
        "kernel large (2 x 1 x 1 blocks of 32 threads, 131072 bytes of shared memory): invalid argument");
    EXPECT_TRUE(stream.synchronize().ok()) << "it is told";
    EXPECT_EQ(out.read(), std::vector<uint32_t>(32, 1)) << "what came before it is done";
}

TEST_F(EmulatedLaunches, AGraphThatLacksOneIsNone) {
    ASSERT_TRUE(stream.begin_capture().ok());
    launch(stream, {.kernel = "large", .threads = 32, .shared_bytes = 131072}, writes_one, {nullptr});
    const auto captured = stream.end_capture();
    ASSERT_FALSE(captured.ok());
    EXPECT_THAT(captured.error().what, HasSubstr("kernel large"));
    EXPECT_TRUE(stream.synchronize().ok());
}

TEST_F(EmulatedLaunches, EachIsWaitedForWhereThatIsAsked) {
    ::setenv("PITWALL_CUDA_CHECK", "on", 1);
    stream = std::move(Stream::create()).value();
    ::unsetenv("PITWALL_CUDA_CHECK");
    const DeviceArray<uint32_t> out(stream, 32);
    launch(stream, {.kernel = "first", .threads = 32}, writes_one, {out.data()});
    EXPECT_EQ(*out.data(), 1u) << "done when launch() returns";
    host_faults().next_wait_fails = true;
    launch(stream, {.kernel = "faulty", .threads = 32}, writes_one, {out.data()});
    launch(stream, {.kernel = "later", .threads = 32}, writes_one, {out.data()});
    const Status status = stream.check();
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error().what, HasSubstr("kernel faulty (1 x 1 x 1 blocks of 32 threads"));
    EXPECT_THAT(status.error().what, HasSubstr("emulated fault"));
    stream = std::move(Stream::create()).value();
    const DeviceArray<uint32_t> unchecked(stream, 32);
    launch(stream, {.threads = 32}, writes_one, {unchecked.data()});
    EXPECT_EQ(*unchecked.data(), UINT32_MAX) << "not done before it has to be";
}

/// The addresses may be null then.
TEST_F(EmulatedLaunches, CopiesOfNothingAreNone) {
    stream.copy_to_device(nullptr, nullptr, 0);
    stream.copy_to_host(nullptr, nullptr, 0);
    stream.copy_on_device(nullptr, nullptr, 0);
    stream.fill(nullptr, 0, 0);
    EXPECT_TRUE(stream.synchronize().ok());
}

}  // namespace
}  // namespace pitwall::cuda
