// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace pitwall::engine::cpu {

/// Fork and join over a range of work items. The caller is thread 0. Each thread takes its own equal share from the
/// front, then what others have left; which thread ran an item never shows in its result.
/// Waiting spins for some tens of microseconds, then sleeps, so that a machine shared with others stays usable. The
/// join waits for items, not for threads: a worker that the system has not let run yet holds nobody up, so a loaded
/// machine slows the engine by the share of the cores it takes and not by a time slice at each of a step's many joins.
class ThreadPool {
  public:
    explicit ThreadPool(uint32_t threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    uint32_t threads() const { return static_cast<uint32_t>(shares_.size()); }

    /// Calls work(begin, end, thread) until [0, items) is done, with at most `grain` items a call. Not reentrant.
    template <class Work>
    void run(uint32_t items, uint32_t grain, const Work& work) {
        run_erased(items, grain, &work,
                   [](const void* context, uint32_t begin, uint32_t end, uint32_t thread) {
                       (*static_cast<const Work*>(context))(begin, end, thread);
                   });
    }

  private:
    using Invoke = void (*)(const void* context, uint32_t begin, uint32_t end, uint32_t thread);
    /// A run of items that any thread may take from. The job's number travels with the position, so that a worker that
    /// wakes up late can take nothing of a job it does not know.
    struct alignas(64) Share {
        std::atomic<uint64_t> next{0};  ///< job << 32 | first item that nobody has taken; 0 between jobs
        std::atomic<uint32_t> end{0};
    };

    void run_erased(uint32_t items, uint32_t grain, const void* context, Invoke invoke);
    void publish(uint32_t job, uint32_t items, uint32_t grain, const void* context, Invoke invoke);
    void wait_until_done(uint32_t items);
    void work_through(uint32_t thread, uint32_t job);
    uint32_t work_through_share(Share& share, uint32_t thread, uint32_t job);
    void worker(uint32_t thread);
    void end_workers();

    std::vector<Share> shares_;
    std::atomic<const void*> context_{nullptr};
    std::atomic<Invoke> invoke_{nullptr};
    std::atomic<uint32_t> items_{0}, grain_{1};
    alignas(64) std::atomic<uint32_t> job_{0};   ///< number of the last job; workers wait for it to change
    alignas(64) std::atomic<uint32_t> done_{0};  ///< items of the job that have run
    std::atomic<bool> stop_{false};
    std::vector<std::thread> workers_;
};

}  // namespace pitwall::engine::cpu
