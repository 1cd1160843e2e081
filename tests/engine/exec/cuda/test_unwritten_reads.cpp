// SPDX-License-Identifier: GPL-3.0-or-later
//
// Memcheck is what finds reads of memory that nobody wrote, so that such are made here on purpose. This program, with the tests of
// all kernels, runs under it alone (scripts/test uninitialised).
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstdlib>

#include "engine/exec/cuda/runtime/launch.h"
#include "tests/engine/exec/cuda/device_array.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kThreads = 64;

struct Args {
    uint32_t* out;
    const uint32_t* in;
};

/// Ends this process: a report fails whoever gets it, so that it is a child's.
template <class Work>
[[noreturn]] void tell_reports(const Work& work) {
    const auto before = VALGRIND_COUNT_ERRORS;
    work();
    std::fputs(VALGRIND_COUNT_ERRORS > before ? "it was reported" : "nothing was reported", stderr);
    std::fflush(stderr);
    std::_Exit(0);  // or what --error-exitcode says
}
bool ended(int status) { return WIFEXITED(status); }

class UnwrittenReads : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_NE(RUNNING_ON_VALGRIND, 0u) << "nothing is watched: run it by scripts/test uninitialised";
        stream = std::move(Stream::create()).value();
    }
    /// `kernel` over words that are there, or over as many that nobody wrote; does what it left decide anything?
    void run(void (*kernel)(Args), bool written) {
        const DeviceArray<uint32_t> unwritten(stream, 4 * kThreads), out(stream, kThreads);
        const DeviceArray<uint32_t> in(stream, std::vector<uint32_t>(4 * kThreads, 7));
        launch(stream, {.threads = kThreads, .shared_bytes = 16 * kThreads}, kernel,
               {out.data(), written ? in.data() : unwritten.data()});
        if (out.read() == std::vector<uint32_t>(kThreads, 1)) std::fputs("all are one, ", stderr);
    }
    /// As run(), and what memcheck makes of it.
    [[noreturn]] void told(void (*kernel)(Args), bool written) {
        tell_reports([&] { run(kernel, written); });
    }

    Stream stream;
};

void decides(Args args) { args.out[thread()] = args.in[thread()] == 7 ? 1 : 2; }
void adds(Args args) { args.out[thread()] = args.in[thread()] - 6; }
void leaves_one_out(Args args) {
    if (thread() != 5) args.out[thread()] = 1;
}
void indexes(Args args) {
    uint32_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    args.out[thread()] = ones[args.in[thread()] % 8];
}

TEST_F(UnwrittenReads, OfDeviceMemoryAreReported) {
    EXPECT_EXIT(told(decides, true), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(decides, false), ended, "it was reported");
    EXPECT_EXIT(told(adds, true), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(adds, false), ended, "it was reported") << "where a test compares what became of it";
    EXPECT_EXIT(told(indexes, true), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(indexes, false), ended, "it was reported");
    EXPECT_EXIT(told(leaves_one_out, true), ended, "it was reported") << "of an output";
}

template <bool kWritten>
void shares(Args args) {
    SharedMemory shared;
    auto* const words = shared.take<uint32_t>(threads());
    if (kWritten || thread() % 2 == 0) words[thread()] = args.in[thread()];
    sync_block();
    args.out[thread()] = words[threads() - 1 - thread()] == 7 ? 1 : 2;
}

TEST_F(UnwrittenReads, OfSharedMemoryAreReported) {
    EXPECT_EXIT(told(shares<true>, true), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(shares<false>, true), ended, "it was reported");
}

template <bool kWaits>
void copies(Args args) {
    SharedMemory shared;
    auto* const words = shared.take<uint32_t>(4 * threads());
    for (uint32_t i = 0; i < 4; ++i) words[4 * thread() + i] = 7;
    copy_async(words + 4 * thread(), args.in + 4 * thread());
    commit_copies();
    if (kWaits) wait_copies<0>();
    args.out[thread()] = words[4 * thread()] == 7 ? 1 : 2;
    wait_copies<0>();
}

TEST_F(UnwrittenReads, OfCopiesThatHaveNotComeAreReported) {
    EXPECT_EXIT(told(copies<true>, true), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(copies<false>, true), ended, "it was reported");
}

/// Kernels compute with what lies behind the last token, and leave it out afterwards.
template <bool kKept>
void multiplies(Args args) {
    const uint32_t ones[4] = {0x3c003c00, 0x3c003c00, 0x3c003c00, 0x3c003c00};
    float d[4] = {};
    mma(d, ones, args.in[thread()], args.in[thread()], Half{});
    if (!kKept) d[0] = 1;
    args.out[thread()] = d[0] > 0.5f ? 1 : 2;
}

TEST_F(UnwrittenReads, WhatNobodyKeepsIsNotReported) {
    EXPECT_EXIT(told(multiplies<false>, false), ended, "all are one, nothing was reported");
    EXPECT_EXIT(told(multiplies<true>, false), ended, "it was reported");
}

}  // namespace
}  // namespace pitwall::cuda
