// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/rank_threads.h"

namespace pitwall::cuda {

RankThreads::RankThreads(uint32_t ranks) {
    for (uint32_t rank = 1; rank < ranks; ++rank) threads_.emplace_back([this, rank] { serve(rank); });
}

RankThreads::~RankThreads() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    begun_.notify_all();
    threads_.clear();  // joined before what they wait on goes
}

void RankThreads::run(const std::function<void(uint32_t)>& work) {
    {
        const std::lock_guard lock(mutex_);
        work_ = &work;
        busy_ = threads_.size();
        ++round_;
    }
    begun_.notify_all();
    work(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
}

void RankThreads::serve(uint32_t rank) {
    std::unique_lock lock(mutex_);
    for (uint64_t served = 0;;) {
        begun_.wait(lock, [&] { return ending_ || round_ != served; });
        if (ending_) return;
        served = round_;
        const auto& work = *work_;
        lock.unlock();
        work(rank);
        lock.lock();
        if (--busy_ == 0) done_.notify_one();
    }
}

}  // namespace pitwall::cuda
