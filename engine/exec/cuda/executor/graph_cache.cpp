// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/graph_cache.h"

#include <algorithm>
#include <utility>

namespace pitwall::cuda {

/// Before its members: the worker uses them.
GraphCache::~GraphCache() { worker_ = {}; }

const Graph* GraphCache::find(const GraphShape& shape, uint64_t now) {
    take_made();
    const auto found = entries_.find(shape);
    if (found == entries_.end()) return nullptr;
    found->second.last_used = now;
    return found->second.graph.handle ? &found->second.graph : nullptr;
}

void GraphCache::add(const GraphShape& shape, Capture capture, uint64_t now) {
    if (entries_.size() >= kMost) drop_oldest();
    entries_[shape] = {{}, ++captured_, now};
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back({shape, captured_, std::move(capture)});
    }
    changed_.notify_all();
    if (!worker_.joinable()) worker_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void GraphCache::clear() {
    entries_.clear();
    const std::lock_guard lock(mutex_);
    jobs_.clear();
    made_.clear();  // what is being made now belongs to no entry
}

/// One whose shape was dropped or captured again meanwhile is nobody's.
void GraphCache::take_made() {
    std::deque<Made> made;
    {
        const std::lock_guard lock(mutex_);
        made.swap(made_);
    }
    for (Made& one : made) {
        const auto found = entries_.find(one.shape);
        if (!one.graph.ok()) wanted_ = false;
        if (one.graph.ok() && found != entries_.end() && found->second.number == one.number)
            found->second.graph = std::move(one.graph).value();
    }
}

void GraphCache::drop_oldest() {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
        return a.second.last_used < b.second.last_used;
    }));
}

void GraphCache::wait() {
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return jobs_.empty() && !busy_; });
    }
    take_made();
}

size_t GraphCache::ready() const {
    return static_cast<size_t>(std::ranges::count_if(
        entries_, [](const auto& entry) { return entry.second.graph.handle != nullptr; }));
}

void GraphCache::work(const std::stop_token& stop) {
    const Status chosen = use_device(device_);
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return !jobs_.empty(); }) && !stop.stop_requested()) {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        busy_ = true;
        lock.unlock();
        Result<Graph> graph = chosen.ok() ? make_ready(job.capture) : Result<Graph>(chosen.error());
        job.capture = Capture();  // with nobody waiting for it
        lock.lock();
        made_.push_back({job.shape, job.number, std::move(graph)});
        busy_ = false;
        changed_.notify_all();
    }
}

}  // namespace pitwall::cuda
