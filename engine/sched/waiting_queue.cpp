// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sched/waiting_queue.h"

namespace pitwall::engine {

void WaitingQueue::insert(Sequence& sequence) {
    const Key key = key_of(sequence);
    keys_[raw(sequence.id)] = key;
    order_.insert({key, &sequence});
}

void WaitingQueue::erase(const Sequence& sequence) {
    const auto at = keys_.find(raw(sequence.id));
    if (at == keys_.end()) return;
    order_.erase(Entry{at->second, nullptr});
    keys_.erase(at);
    prefix_tokens_.erase(raw(sequence.id));
}

void WaitingQueue::set_policy(SchedulingPolicy policy) {
    if (policy == policy_) return;
    policy_ = policy;
    prefix_tokens_.clear();
    const Order old = std::move(order_);
    order_.clear();
    for (const Entry& entry : old) insert(*entry.sequence);
}

void WaitingQueue::refresh_prefixes(const std::function<uint32_t(Sequence&)>& cached_tokens) {
    std::vector<Sequence*> first;
    for (auto at = order_.begin(); at != order_.end() && first.size() < kRefreshed; ++at)
        first.push_back(at->sequence);
    for (Sequence* sequence : first) {
        const uint32_t tokens = cached_tokens(*sequence);
        uint32_t& known = prefix_tokens_[raw(sequence->id)];
        if (known == tokens) continue;
        order_.erase(Entry{keys_.at(raw(sequence->id)), nullptr});
        known = tokens;
        insert(*sequence);
    }
}

WaitingQueue::Key WaitingQueue::key_of(const Sequence& sequence) const {
    const int64_t priority = policy_ == SchedulingPolicy::kPriority ? sequence.priority : 0;
    const int64_t fresh = sequence.state == SequenceState::kPreempted ? 0 : 1;
    int64_t wish = 0;
    if (policy_ == SchedulingPolicy::kShortestPrompt) wish = sequence.prompt_tokens;
    if (policy_ == SchedulingPolicy::kLongestPrefix) {
        const auto at = prefix_tokens_.find(raw(sequence.id));
        wish = at == prefix_tokens_.end() ? 0 : -static_cast<int64_t>(at->second);
    }
    return {priority, fresh, wish, sequence.arrival_ns, raw(sequence.id)};
}

}  // namespace pitwall::engine
