// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>

namespace pitwall {

/// Session time in nanoseconds from the session's start. The engine thread alone reads and advances a virtual one; a
/// wall clock may be read from any thread.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual int64_t now_ns() const = 0;
    /// True when time passes only by advance(): the simulated device in a headless session.
    virtual bool is_virtual() const { return false; }
    /// Lets virtual time pass; a wall clock ignores it.
    virtual void advance(int64_t /*duration_ns*/) {}
};

class WallClock final : public Clock {
  public:
    int64_t now_ns() const override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_)
            .count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class VirtualClock final : public Clock {
  public:
    int64_t now_ns() const override { return now_ns_; }
    bool is_virtual() const override { return true; }
    void advance(int64_t duration_ns) override { now_ns_ += duration_ns; }

  private:
    int64_t now_ns_ = 0;
};

}  // namespace pitwall
