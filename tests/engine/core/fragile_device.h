// SPDX-License-Identifier: GPL-3.0-or-later
//
// A device that can be lost at a chosen call. Everything on it is lost then, until somebody makes something new there, which
// takes that nobody has anything there any more.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/engine/core/forwarding_executor.h"

namespace pitwall::engine::test {

class FragileDevice {
  public:
    enum class Call { kPlan, kDraftPlan, kCopies, kConvert, kProbe };

    /// With the `nth` such call from now on, 1 being the next.
    void lose_at(Call call, uint64_t nth) { call_ = call, left_ = nth; }
    /// An executor on it. `plans`: what its plans are.
    std::unique_ptr<Executor> put_on(std::unique_ptr<Executor> inner, Call plans = Call::kPlan);

    static Error why() { return {"the device fell off the bus", "call a technician"}; }
    bool lost() const { return lost_; }
    uint32_t executors() const { return executors_; }
    /// Of the plans that were in flight on the engine's executor.
    const std::set<RequestId>& took_along() const { return took_along_; }
    size_t plans_lost() const { return plans_lost_; }

    bool has_probe = false;

  private:
    class Placed;
    bool fails(Call call) {
        if (call == call_ && left_ > 0 && --left_ == 0) lost_ = true;
        return lost_;
    }

    Call call_ = Call::kPlan;
    uint64_t left_ = 0;
    bool lost_ = false;
    uint32_t executors_ = 0;
    std::set<RequestId> took_along_;
    size_t plans_lost_ = 0;
};

class FragileDevice::Placed final : public ForwardingExecutor {
  public:
    Placed(std::unique_ptr<Executor> inner, FragileDevice& device, Call plans)
        : ForwardingExecutor(std::move(inner)), device_(device), plans_(plans) {
        ++device_.executors_;
    }
    ~Placed() override { --device_.executors_; }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    Status status() const override { return device_.lost_ ? Status(why()) : Status(); }
    Status resize_pool(uint32_t blocks) override {
        return device_.lost_ ? Status(why()) : ForwardingExecutor::resize_pool(blocks);
    }
    Status convert_kv(telemetry::KvDtype dtype, uint32_t blocks, std::span<const BlockId> holding) override {
        if (device_.fails(Call::kConvert)) return why();
        return ForwardingExecutor::convert_kv(dtype, blocks, holding);
    }
    uint32_t side_tokens() const override { return device_.has_probe ? 256 : 0; }
    Status score_beside(telemetry::KvDtype, std::span<const TokenId>, uint32_t,
                        std::span<float* const>) override {
        return device_.fails(Call::kProbe) ? why() : Error{"it computes nothing there", ""};
    }
    Ticket submit(const StepPlan& plan) override {
        std::set<RequestId> requests;
        for (const SequenceSlice& slice : plan.slices) requests.insert(slice.request);
        in_flight_.push_back(std::move(requests));
        return device_.lost_ ? Ticket{} : ForwardingExecutor::submit(plan);
    }
    StepResult collect(Ticket ticket) override {
        StepResult result;
        if (device_.fails(in_flight_.front().empty() ? Call::kCopies : plans_)) {
            result.status = why();
            ++device_.plans_lost_;
            if (plans_ == Call::kPlan)
                for (const auto& requests : in_flight_)
                    device_.took_along_.insert(requests.begin(), requests.end());
        } else {
            result = ForwardingExecutor::collect(ticket);
        }
        in_flight_.pop_front();
        return result;
    }

  private:
    FragileDevice& device_;
    Call plans_;
    std::deque<std::set<RequestId>> in_flight_;
};

inline std::unique_ptr<Executor> FragileDevice::put_on(std::unique_ptr<Executor> inner, Call plans) {
    EXPECT_TRUE(!lost_ || executors_ == 0) << "it is in use, and cannot be reset";
    lost_ = false;
    return std::make_unique<Placed>(std::move(inner), *this, plans);
}

}  // namespace pitwall::engine::test
