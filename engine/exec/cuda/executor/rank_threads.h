// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pitwall::cuda {

/// A thread for each rank but the first, whose work whoever calls does.
class RankThreads {
  public:
    explicit RankThreads(uint32_t ranks);
    ~RankThreads();
    RankThreads(const RankThreads&) = delete;
    RankThreads& operator=(const RankThreads&) = delete;

    /// Every rank does it at the same time, and has done it when this returns. `work` throws nothing.
    void run(const std::function<void(uint32_t rank)>& work);

  private:
    void serve(uint32_t rank);

    std::mutex mutex_;  ///< guards the next four
    std::condition_variable begun_, done_;
    const std::function<void(uint32_t)>* work_ = nullptr;
    uint64_t round_ = 0;
    size_t busy_ = 0;
    bool ending_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace pitwall::cuda
