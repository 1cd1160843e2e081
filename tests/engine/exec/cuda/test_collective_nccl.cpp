// SPDX-License-Identifier: GPL-3.0-or-later
//
// collective_cuda.cpp over a library that writes down what it is asked for.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/exec/cuda/runtime/collective.h"
#include "tests/engine/exec/cuda/fake_nccl.h"

namespace pitwall::cuda {

void release_stream(void*) {}  // the runtime's, which is not linked here

namespace {

constexpr int kFloats = 7, kInts = 2;  // ncclFloat32, ncclInt32

class NcclCollective : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("PITWALL_NCCL", PITWALL_FAKE_NCCL, 1);
        stream_.handle = &calls_;
    }
    void TearDown() override { ::unsetenv("PITWALL_NCCL"); }
    void expect_call(const std::string& what, int device, const void* from, void* to, size_t count,
                     int type) {
        ASSERT_FALSE(calls_.empty());
        const FakeNcclCall& call = calls_.back();
        EXPECT_EQ(call.what, what);
        EXPECT_EQ(call.device, device);
        EXPECT_EQ(call.from, from);
        EXPECT_EQ(call.to, to);
        EXPECT_EQ(call.count, count);
        EXPECT_EQ(call.type, type);
        EXPECT_EQ(call.operation_or_root, 0) << "ncclSum, or rank 0";
    }

    std::vector<FakeNcclCall> calls_;
    Stream stream_;
};

TEST_F(NcclCollective, AsksEachRanksCommunicatorInPlace) {
    const std::vector<uint32_t> devices = {3, 1};
    auto ranks = std::move(Collective::connect(devices)).value();
    ASSERT_EQ(ranks.size(), 2u);
    float floats[64];
    int32_t words[8];
    ranks[1].gather(stream_, floats, 20);
    expect_call("gather", 1, floats + 20, floats, 20, kFloats);
    ranks[0].sum(stream_, floats, 64);
    expect_call("reduce", 3, floats, floats, 64, kFloats);
    ranks[1].broadcast(stream_, words, 8);
    expect_call("broadcast", 1, words, words, 8, kInts);
    EXPECT_EQ(ranks[0].asked(), 1u);
    EXPECT_EQ(ranks[1].asked(), 2u);
    EXPECT_TRUE(ranks[1].take_failure().ok());
    ranks[1].abort();
}

TEST_F(NcclCollective, TellsOnceWhatWasRefused) {
    const std::vector<uint32_t> devices = {0, 1};
    auto ranks = std::move(Collective::connect(devices)).value();
    float floats[kFakeNcclRefuses];
    ranks[0].sum(stream_, floats, kFakeNcclRefuses);
    const Status failed = ranks[0].take_failure();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().what, "NCCL says: a fake failure");
    EXPECT_TRUE(ranks[0].take_failure().ok());
    EXPECT_TRUE(ranks[1].take_failure().ok());
}

TEST_F(NcclCollective, SaysWhatItIsOrWhyItIsNot) {
    EXPECT_EQ(Collective::library_name().value(), "NCCL 2.28.9");
    const std::vector<uint32_t> lacking = {0, kFakeNcclLacks}, devices = {0, 1};
    const auto why = [&](const std::vector<uint32_t>& wanted) {
        const auto made = Collective::connect(wanted);
        return made.ok() ? "" : made.error().text();
    };
    EXPECT_NE(why(lacking).find("NCCL does not connect the GPUs: a fake failure"), std::string::npos)
        << why(lacking);
    ::setenv("PITWALL_NCCL", "/nonexistent/libnccl.so.2", 1);
    EXPECT_NE(why(devices).find("NCCL is not found: /nonexistent/libnccl.so.2"), std::string::npos)
        << why(devices);
    EXPECT_NE(why(devices).find("PITWALL_NCCL"), std::string::npos) << why(devices);
    ::setenv("PITWALL_NCCL", "libm.so.6", 1);
    EXPECT_NE(why(devices).find("libm.so.6 is no NCCL"), std::string::npos) << why(devices);
    ::setenv("PITWALL_NCCL", "off", 1);
    EXPECT_EQ(why(devices),
              "NCCL is turned off by PITWALL_NCCL=off in the environment: unset that, or use one GPU");
    EXPECT_FALSE(Collective::library_name().ok());
}

}  // namespace
}  // namespace pitwall::cuda
