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
    try {
        for (uint32_t thread = 1; thread < shares_.size(); ++thread)
            workers_.emplace_back([this, thread] { worker(thread); });
    } catch (...) {  // the system gives no more of them
        end_workers();
        throw;
    }
}

ThreadPool::~ThreadPool() { end_workers(); }

void ThreadPool::end_workers() {
    stop_.store(true);
    job_.fetch_add(1, std::memory_order_release);
    job_.notify_all();
    for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_erased(uint32_t items, uint32_t grain, const void* context, Invoke invoke) {
    if (items == 0) return;
    if (workers_.empty() || items <= grain) {
        for (uint32_t begin = 0; begin < items; begin += grain)
            invoke(context, begin, std::min(begin + grain, items), 0);
        return;
    }
    uint32_t job = job_.load(std::memory_order_relaxed) + 1;
    job += job == 0;  // 0 marks a closed share
    publish(job, items, grain, context, invoke);
    work_through(0, job);
    wait_until_done(items);
    // Closed before the next job is written: who still looks at this one finds nothing that it could take.
    for (Share& share : shares_) share.next.store(0, std::memory_order_release);
}

void ThreadPool::publish(uint32_t job, uint32_t items, uint32_t grain, const void* context, Invoke invoke) {
    context_.store(context, std::memory_order_release);
    invoke_.store(invoke, std::memory_order_release);
    items_.store(items, std::memory_order_release);
    grain_.store(grain, std::memory_order_release);
    done_.store(0, std::memory_order_relaxed);
    const uint64_t count = shares_.size();
    for (uint64_t i = 0; i < count; ++i) {
        shares_[i].end.store(static_cast<uint32_t>(items * (i + 1) / count), std::memory_order_release);
        shares_[i].next.store(uint64_t{job} << 32 | items * i / count, std::memory_order_release);
    }
    job_.store(job, std::memory_order_release);
    job_.notify_all();
}

void ThreadPool::wait_until_done(uint32_t items) {
    for (uint32_t done = done_.load(std::memory_order_acquire); done != items;
         done = done_.load(std::memory_order_acquire)) {
        wait_for_change(done_, done);
    }
}

void ThreadPool::work_through(uint32_t thread, uint32_t job) {
    const auto count = static_cast<uint32_t>(shares_.size());
    uint32_t ran = 0;
    for (uint32_t i = 0; i < count; ++i)
        ran += work_through_share(shares_[(thread + i) % count], thread, job);
    // Only who ran something of the job may look at its fields: it cannot end before these items are counted.
    if (ran == 0) return;
    const uint32_t items = items_.load(std::memory_order_relaxed);
    if (done_.fetch_add(ran, std::memory_order_acq_rel) + ran == items && thread != 0) done_.notify_one();
}

/// Items that it ran. Everything it reads of the job may already belong to the next one until the exchange succeeds,
/// which it does only while the share still is at that place of that job.
uint32_t ThreadPool::work_through_share(Share& share, uint32_t thread, uint32_t job) {
    uint32_t ran = 0;
    uint64_t next = share.next.load(std::memory_order_acquire);
    while (next >> 32 == job) {
        const auto begin = static_cast<uint32_t>(next);
        const uint32_t end = share.end.load(std::memory_order_acquire);
        if (begin >= end) break;
        const uint32_t take = std::min(grain_.load(std::memory_order_acquire), end - begin);
        const Invoke invoke = invoke_.load(std::memory_order_acquire);
        const void* context = context_.load(std::memory_order_acquire);
        if (!share.next.compare_exchange_weak(next, next + take, std::memory_order_acq_rel,
                                              std::memory_order_acquire))
            continue;
        invoke(context, begin, begin + take, thread);
        ran += take;
        next += take;
    }
    return ran;
}

void ThreadPool::worker(uint32_t thread) {
    uint32_t seen = 0;
    while (true) {
        wait_for_change(job_, seen);
        seen = job_.load(std::memory_order_acquire);
        if (stop_.load()) return;
        work_through(thread, seen);
    }
}

}  // namespace pitwall::engine::cpu
