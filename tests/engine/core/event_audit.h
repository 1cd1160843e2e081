// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::engine::test {

/// Reads the stream as any consumer would and checks what it promises: sequence numbers rise, causes tile, every
/// request ends once, members sum to their step, the origins of tokens agree with the drafts, and the block map kept from block events agrees with every step's counts and with
/// every keyframe. Failures are GoogleTest failures.
class EventAudit {
  public:
    void add(std::span<const telemetry::Event> events);
    void expect_all_ended() const;
    size_t requests() const { return accounts_.size(); }
    const telemetry::KeyframeCounters& counters() const { return counters_; }  ///< of the last keyframe
    uint64_t moved_blocks() const { return moved_; }
    std::set<telemetry::Cause> causes() const { return causes_; }

  private:
    struct Account {
        int64_t until_ns = -1, tokens = 0;
        bool ended = false;
    };
    struct Slot {
        telemetry::BlockState state = telemetry::BlockState::kFree;
        uint32_t owners = 0, filled = 0;
        bool operator==(const Slot&) const = default;
    };
    void request(const telemetry::Event& e);
    void cause(const telemetry::Event& e);
    void block(const telemetry::BlockEvent& e);
    void draft(const telemetry::DraftEvent& e);
    void step(const telemetry::StepEvent& e);
    void keyframe(const telemetry::KeyframeEvent& e);

    std::map<RequestId, Account> accounts_;
    std::vector<Slot> blocks_, framed_;
    std::map<uint64_t, std::map<telemetry::WorkKind, uint64_t>> members_;
    std::set<telemetry::Cause> causes_;
    telemetry::KeyframeCounters counters_{};
    std::map<std::pair<uint64_t, RequestId>, std::vector<telemetry::TokenOrigin>> given_;  ///< in this step
    std::map<uint64_t, uint32_t> drafts_;
    uint64_t last_seq_ = 0, moved_ = 0, tokens_ = 0, drafted_ = 0, accepted_ = 0;
};

}  // namespace pitwall::engine::test
