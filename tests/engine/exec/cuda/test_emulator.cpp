// SPDX-License-Identifier: GPL-3.0-or-later
//
// The emulator is what finds mistakes in kernels, so mistakes are made here on purpose.
#include <gtest/gtest.h>

#include <numeric>

#include "engine/exec/cuda/runtime/launch.h"
#include "tests/engine/exec/cuda/device_array.h"

namespace pitwall::cuda {
namespace {

struct Args {
    uint32_t* out;
    const uint32_t* in;
};

class Emulator : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// What `kernel` writes, a word a thread.
    std::vector<uint32_t> run(void (*kernel)(Args), uint32_t thread_count, uint32_t shared_bytes = 0) {
        std::vector<uint32_t> in(256);
        std::iota(in.begin(), in.end(), 100);
        const DeviceArray<uint32_t> device_in(stream, in), out(stream, thread_count);
        launch(stream, {.threads = thread_count, .shared_bytes = shared_bytes}, kernel,
               {out.data(), device_in.data()});
        return out.read();
    }

    Stream stream;
};

void reverse_through_shared(Args args) {
    SharedMemory shared;
    auto* words = shared.take<uint32_t>(threads());
    words[thread()] = args.in[thread()];
    sync_block();
    args.out[thread()] = words[threads() - 1 - thread()];
}

TEST_F(Emulator, ThreadsMeetAtBarriers) {
    const auto out = run(reverse_through_shared, 128, 512);
    for (uint32_t i = 0; i < 128; ++i) EXPECT_EQ(out[i], 100 + 127 - i);
}

void forgets_the_barrier(Args args) {
    SharedMemory shared;
    auto* words = shared.take<uint32_t>(threads());
    words[thread()] = args.in[thread()];
    args.out[thread()] = words[threads() - 1 - thread()];
}

TEST_F(Emulator, AMissingBarrierShows) {
    const auto out = run(forgets_the_barrier, 128, 512);
    EXPECT_GT(std::count(out.begin(), out.end(), UINT32_MAX), 10) << "what nobody had written yet";
}

void asks_its_warp(Args args) {
    const uint32_t neighbour = shuffle_xor(args.in[thread()], 1), first = shuffle(args.in[thread()], 0);
    args.out[thread()] = neighbour * 1000 + first + (ballot(lane() < 3) == 7 ? 0 : 5);
}

TEST_F(Emulator, LanesOfAWarpShare) {
    const auto out = run(asks_its_warp, 64);
    for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(out[i], (100 + (i ^ 1)) * 1000 + 100 + i / 32 * 32);
}

void copies_and_does_not_wait(Args args) {
    SharedMemory shared;
    auto* words = shared.take<uint32_t>(4 * threads());
    copy_async(words + 4 * thread(), args.in + 4 * thread(), thread() % 2 == 0);
    commit_copies();
    args.out[thread()] = words[4 * thread()];
    wait_copies<0>();
}
void copies_and_waits(Args args) {
    SharedMemory shared;
    auto* words = shared.take<uint32_t>(4 * threads());
    copy_async(words + 4 * thread(), args.in + 4 * thread(), thread() % 2 == 0);
    commit_copies();
    wait_copies<0>();
    args.out[thread()] = words[4 * thread() + 1];
}

TEST_F(Emulator, CopiesArriveWhenWaitedFor) {
    const auto early = run(copies_and_does_not_wait, 32, 512), late = run(copies_and_waits, 32, 512);
    for (uint32_t i = 0; i < 32; ++i) {
        EXPECT_EQ(early[i], UINT32_MAX);
        EXPECT_EQ(late[i], i % 2 == 0 ? 101 + 4 * i : 0);
    }
}

void half_of_a_warp_asks(Args args) {
    if (thread() < 16) args.out[thread()] = shuffle(1u, 0);
}
void barriers_apart(Args) {
    if (warp() == 0)
        sync_block();
    else
        sync_block();
}
void takes_too_much(Args) { SharedMemory().take<uint32_t>(100); }
void leaves_copies(Args args) {
    SharedMemory shared;
    copy_async(shared.take<uint32_t>(4), args.in);
    commit_copies();
}
void reads_across(Args args) { args.out[thread()] = load16(args.in + 1).x; }

TEST_F(Emulator, WhatAGpuLeavesUndefinedIsTold) {
    EXPECT_DEATH(run(half_of_a_warp_asks, 32), "wait for others that do not come");
    EXPECT_DEATH(run(barriers_apart, 64), "stands at the barrier of");
    EXPECT_DEATH(run(takes_too_much, 32, 256), "takes 400 bytes of shared memory, the launch gave 256");
    EXPECT_DEATH(run(leaves_copies, 32, 256), "copies that it has not waited for");
    EXPECT_DEATH(run(reads_across, 32), "not a multiple of 16");
}

void adds_one(Args args) { args.out[thread()] = args.in[thread()] + 1; }

TEST_F(Emulator, WorkWaitsForSynchronize) {
    const DeviceArray<uint32_t> in(stream, std::vector<uint32_t>(32, 1)), out(stream, 32);
    ASSERT_TRUE(stream.begin_capture().ok());
    launch(stream, {.threads = 32}, adds_one, {out.data(), in.data()});
    const auto captured = stream.end_capture();
    ASSERT_TRUE(captured.ok());
    const auto graph = make_ready(captured.value());
    ASSERT_TRUE(graph.ok());
    EXPECT_EQ(out.read()[0], UINT32_MAX) << "captured, not done";
    stream.launch(graph.value());
    EXPECT_EQ(*out.data(), UINT32_MAX) << "given to the device, not done";
    EXPECT_EQ(out.read()[31], 2u);
}

/// What GPUs without an instruction for it compute, against the format's table.
TEST(EmulatedNumbers, Float8BecomesBinary16ByShiftsAsByTheTable) {
    for (uint32_t code = 0; code < 256; ++code) {
        if (code % 128 == 127) continue;  // NaN
        const uint32_t two = code | (code ^ 0x55) % 127 << 8;
        EXPECT_EQ(e4m3_to_halves_by_shifts(two), e4m3_to_halves(two)) << code;
        EXPECT_EQ(e4m3_to_halves_by_shifts(code << 8), e4m3_to_halves(code << 8)) << code;
        EXPECT_EQ(to_float(Half{static_cast<uint16_t>(e4m3_to_halves_by_shifts(code))}),
                  to_float(E4m3{static_cast<uint8_t>(code)}));
    }
}

TEST(EmulatedNumbers, RoundToTheNearest) {
    for (uint32_t bits = 0; bits < 256; ++bits) {
        const float value = to_float(E4m3{static_cast<uint8_t>(bits)});
        E4m3 back{};
        round_to(value, back);
        if (bits % 128 != 127) {
            EXPECT_EQ(back.bits, bits);
        }
    }
    E4m3 out{};
    round_to(17.0f, out);  // between 16 and 18: to even
    EXPECT_EQ(to_float(out), 16.0f);
    round_to(1e9f, out);
    EXPECT_EQ(to_float(out), 448.0f);
    Bfloat bfloat{};
    round_to(1.00390625f, bfloat);
    EXPECT_EQ(to_float(bfloat), 1.0f);
    EXPECT_EQ(permute_bytes(0x33221100, 0x77665544, 0x5401), 0x55440011u);
}

}  // namespace
}  // namespace pitwall::cuda
