// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "engine/sched/sequence.h"
#include "presets/knob.h"

namespace pitwall::engine {

using presets::SchedulingPolicy;

/// Who waits, in the order in which the policy wants them: a tree, so that a long queue costs a step only as
/// many looks as it admits. Within one priority the preempted go first; ties go by arrival, then by number.
class WaitingQueue {
  public:
    using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, uint32_t>;
    struct Entry {
        Key key;
        Sequence* sequence;
        bool operator<(const Entry& other) const { return key < other.key; }
    };
    using Order = std::set<Entry>;

    void insert(Sequence& sequence);
    void erase(const Sequence& sequence);
    bool contains(const Sequence& sequence) const { return keys_.contains(raw(sequence.id)); }
    size_t size() const { return keys_.size(); }
    bool empty() const { return keys_.empty(); }
    const Order& order() const { return order_; }

    SchedulingPolicy policy() const { return policy_; }
    void set_policy(SchedulingPolicy policy);
    /// Under longest_prefix: asks `cached_tokens` again for the first in line, whose prefixes may have come or gone.
    void refresh_prefixes(const std::function<uint32_t(Sequence&)>& cached_tokens);

    /// How many are looked at again in one step; beyond, the order is that of the last look, or of arrival.
    static constexpr size_t kRefreshed = 128;

  private:
    Key key_of(const Sequence& sequence) const;

    SchedulingPolicy policy_ = SchedulingPolicy::kFcfs;
    Order order_;
    std::unordered_map<uint32_t, Key> keys_;
    std::unordered_map<uint32_t, uint32_t> prefix_tokens_;  ///< under longest_prefix: as last seen
};

}  // namespace pitwall::engine
