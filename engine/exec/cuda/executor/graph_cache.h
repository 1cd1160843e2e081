// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "engine/exec/cuda/executor/step_layout.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// The graphs of steps, by their shape. To capture a step is cheap; to make a graph of what was captured takes the driver
/// milliseconds, which a thread of its own spends while steps of that shape still run without. So a batch that grows, or a cap
/// that was raised, makes nobody wait. One thread uses it.
class GraphCache {
  public:
    /// Most shapes that it keeps; those that were used longest ago go.
    static constexpr size_t kMost = 128;

    explicit GraphCache(uint32_t device) : device_(device) {}
    ~GraphCache();
    GraphCache(const GraphCache&) = delete;
    GraphCache& operator=(const GraphCache&) = delete;

    void turn_off() { wanted_ = false; }
    /// Until one could not be made.
    bool wanted() const { return wanted_; }
    /// The shape's graph where it is ready. `now`: a number that grows from step to step.
    const Graph* find(const GraphShape& shape, uint64_t now);
    /// Whether nobody has captured that shape yet.
    bool lacks(const GraphShape& shape) const { return !entries_.contains(shape); }
    void add(const GraphShape& shape, Capture capture, uint64_t now);
    /// The addresses in them, or what they compute, hold no more. No graph of it is in flight.
    void clear();
    /// Until all that was captured is ready; for tests.
    void wait();
    size_t ready() const;

  private:
    struct Entry {
        Graph graph;  ///< empty until it is ready
        uint64_t number = 0, last_used = 0;
    };
    struct Job {
        GraphShape shape;
        uint64_t number = 0;
        Capture capture;
    };
    struct Made {
        GraphShape shape;
        uint64_t number = 0;
        Result<Graph> graph;
    };
    void take_made();
    void drop_oldest();
    void work(const std::stop_token& stop);

    uint32_t device_;
    bool wanted_ = true;
    std::map<GraphShape, Entry> entries_;
    uint64_t captured_ = 0;
    std::mutex mutex_;  ///< guards the three
    std::deque<Job> jobs_;
    std::deque<Made> made_;
    bool busy_ = false;
    std::condition_variable_any changed_;
    std::jthread worker_;  ///< begins with the first capture
};

}  // namespace pitwall::cuda
