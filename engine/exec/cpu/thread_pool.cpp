// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/thread_pool.h"

#include <algorithm>
#include <chrono>

namespace pitwall::engine::cpu {
namespace {

constexpr auto kSpinTime = std::chrono::microseconds(40);

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
}

/// Waits until `value` is no longer `old`: spins briefly, since the next job of a step comes within microseconds,
/// then sleeps in the kernel.
void wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
    const auto give_up = std::chrono::steady_clock::now() + kSpinTime;
    do {
        for (int i = 0; i < 16; ++i) {
            if (value.load(std::memory_order_acquire) != old) return;
            relax();
        }
    } while (std::chrono::steady_clock::now() < give_up);
    value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(uint32_t threads) : shares_(std::max(threads, 1u)) {
    for (uint32_t thread = 1; thread < shares_.size(); ++thread)
        workers_.emplace_back([this, thread] { worker(thread); });
}

ThreadPool::~ThreadPool() {
    stop_.store(true);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_erased(uint32_t items, uint32_t grain, const void* context, Invoke invoke) {
    if (items == 0) return;
    if (workers_.empty() || items <= grain) {
        for (uint32_t begin = 0; begin < items; begin += grain)
            invoke(context, begin, std::min(begin + grain, items), 0);
        return;
    }
    context_ = context;
    invoke_ = invoke;
    grain_ = grain;
    const uint64_t count = shares_.size();
    for (uint64_t i = 0; i < count; ++i) {
        shares_[i].next.store(static_cast<uint32_t>(items * i / count), std::memory_order_relaxed);
        shares_[i].end = static_cast<uint32_t>(items * (i + 1) / count);
    }
    busy_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    work_through(0);
    for (uint32_t left = busy_.load(std::memory_order_acquire); left != 0;
         left = busy_.load(std::memory_order_acquire)) {
        wait_for_change(busy_, left);
    }
}

void ThreadPool::work_through(uint32_t thread) {
    const auto count = static_cast<uint32_t>(shares_.size());
    for (uint32_t i = 0; i < count; ++i) {
        Share& share = shares_[(thread + i) % count];
        while (share.next.load(std::memory_order_relaxed) < share.end) {
            const uint32_t begin = share.next.fetch_add(grain_, std::memory_order_relaxed);
            if (begin >= share.end) break;
            invoke_(context_, begin, std::min(begin + grain_, share.end), thread);
        }
    }
}

void ThreadPool::worker(uint32_t thread) {
    uint32_t seen = 0;
    while (true) {
        wait_for_change(generation_, seen);
        seen = generation_.load(std::memory_order_acquire);
        if (stop_.load()) return;
        work_through(thread);
        if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
    }
}

}  // namespace pitwall::engine::cpu
