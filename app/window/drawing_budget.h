// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

namespace pitwall::app {

/// Processor time that this thread has used, ns; 0 where the system does not tell.
int64_t thread_cpu_ns();

/// The console is to cost the engine little, whatever a picture takes: a large window, OpenGL that the CPU draws, a slow machine.
/// So the window's thread may use a share of one core; beyond that panels wait for their turn, though never for long: what else
/// the thread does may use up the share for ever, so half as much again is left to pictures alone.
class DrawingBudget {
  public:
    /// Of one core: an engine on the same cores waits at the joins of its steps for whichever thread the window displaced,
    /// so that all its threads lose what the window takes from one.
    static constexpr double kShareOfMachine = 0.03, kMostShare = 0.12;
    static constexpr int64_t kBurstNs = 20'000'000;  ///< all panels may be drawn at once now and then
    static constexpr int64_t kShortestWaitNs = 100'000'000, kLongestWaitNs = 1'000'000'000;

    explicit DrawingBudget(unsigned cores)
        : share_(std::clamp(kShareOfMachine * cores, kMostShare / 4, kMostShare)) {}
    double share() const { return share_; }

    /// `used_ns`: processor time that went by since the last call.
    void spend(int64_t used_ns, int64_t now_ns);
    bool exhausted() const { return debt_ns_ > kBurstNs && last_ns_ - free_ns_ < wait_ns_; }

  private:
    double share_;
    int64_t debt_ns_ = 0, last_ns_ = 0;
    int64_t free_ns_ = 0;  ///< when it last was not exhausted
    int64_t wait_ns_ = kShortestWaitNs;
};

}  // namespace pitwall::app
