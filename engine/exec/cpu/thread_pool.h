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
/// Waiting spins for some tens of microseconds, then sleeps, so that a machine shared with others stays usable.
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
    struct alignas(64) Share {
        std::atomic<uint32_t> next{0};
        uint32_t end = 0;
    };

    void run_erased(uint32_t items, uint32_t grain, const void* context, Invoke invoke);
    void work_through(uint32_t thread);
    void worker(uint32_t thread);

    std::vector<Share> shares_;
    const void* context_ = nullptr;
    Invoke invoke_ = nullptr;
    uint32_t grain_ = 1;
    alignas(64) std::atomic<uint32_t> generation_{0};  ///< counts jobs; workers wait for it to change
    alignas(64) std::atomic<uint32_t> busy_{0};        ///< workers that have not finished the job
    std::atomic<bool> stop_{false};
    std::vector<std::thread> workers_;
};

}  // namespace pitwall::engine::cpu
