// SPDX-License-Identifier: GPL-3.0-or-later
//
// A device that is gone for good is replaced while requests live. Those that it was computing have failed with it, for they
// may be what it failed over; all others compute their KV again on the one that comes after, and nobody hears of it but by
// the time that it takes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/core/engine_impl.h"
#include "engine/exec/lost_executor.h"
#include "engine/kv/kv_format.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

void Engine::Impl::replace_if_lost() {
    if (const Status status = executor_->status(); !status.ok()) replace_device(status.error());
}

void Engine::Impl::replace_device(const Error& why) {
    collect_all();  // which fails what was in flight
    const int64_t begin_ns = stamp();
    writer_.mark(MarkKind::kDeviceLost, ++devices_lost_);
    book_active(begin_ns);
    while (preempt_last()) {
    }
    kv_.flush();
    if (replaying_) replaying_->hold_at = replaying_->replay_change = 0;  // the stage is done again
    leave_device(why);
    auto made = recovery_ ? recovery_(why) : Error{"nothing here makes another", ""};
    if (made.ok())
        move_in(std::move(made).value());
    else
        no_device_ =
            fmt::format("the device was lost ({}), and there is no other: {}", why.what, made.error().text());
    const int64_t end_ns = stamp();
    if (!paused_) stand_still(Cause::kRestart, begin_ns, end_ns);
    tell_what_changed();
    fail_those_without_room();
    publish_keyframe(false);
}

/// Everything that is on the device goes before anybody tries to have it again.
void Engine::Impl::leave_device(const Error& why) {
    drafter_.reset();
    draft_length_.reset();
    draft_method_ = DraftMethod::kNone;
    executor_ = make_lost_executor(*executor_, why);
    probe_ = QualityProbe(*executor_);
}

/// Pool and formats as they were, as far as this device has them.
void Engine::Impl::move_in(std::unique_ptr<Executor> executor) {
    executor_ = std::move(executor);
    probe_ = QualityProbe(*executor_);
    probe_format_ = {.kv = QualityProbe::kReference};
    take_up_kv_format(kv_dtype_of_choice(effective_.get(KnobId::kKvCacheDtype)));
    // Where it has no such kernels, it keeps what it came with.
    (void)executor_->set_activation_dtype(
        static_cast<presets::ActivationDtype>(effective_.integer(KnobId::kActivationDtype)));
    (void)executor_->set_batch_invariant(effective_.boolean(KnobId::kBatchInvariant));
    uint32_t blocks = blocks_for(executor_->kv_capacity(executor_->kv_cache_dtype()));
    while (blocks > 0 && !executor_->resize_pool(blocks).ok()) blocks /= 2;
    if (blocks < kv_.size()) (void)kv_.shrink(blocks);  // moves nothing: nobody holds a block
    kv_.grow(std::max(blocks, kv_.size()));
    kv_.begin_epoch(numeric_format());
    writer_.set_kv_dtype(executor_->kv_cache_dtype());
    remake_drafter();
}

/// Of the formats that the device has room for, the one whose blocks are nearest in size to the wanted one's: that itself
/// before all, and a wider one before a narrower.
void Engine::Impl::take_up_kv_format(KvDtype wanted) {
    struct Choice {
        KvDtype dtype;
        KvCapacity capacity;
    };
    std::vector<Choice> choices;
    for (size_t i = 0; i < static_cast<size_t>(KvDtype::kCount); ++i) {
        const auto dtype = static_cast<KvDtype>(i);
        choices.push_back({dtype, executor_->kv_capacity(dtype)});
    }
    const auto wanted_bytes = static_cast<int64_t>(executor_->kv_capacity(wanted).bytes_per_block);
    const auto rank = [&](const Choice& choice) {
        const int64_t wider = static_cast<int64_t>(choice.capacity.bytes_per_block) - wanted_bytes;
        return std::tuple(choice.dtype != wanted, std::abs(wider), wider < 0);
    };
    std::ranges::stable_sort(choices, {}, rank);
    for (const Choice& choice : choices) {
        if (choice.dtype == executor_->kv_cache_dtype()) return;
        if (choice.capacity.blocks == 0) continue;
        if (executor_->convert_kv(choice.dtype, blocks_for(choice.capacity), {}).ok()) return;
    }
}

/// What it had learnt went with it. Where it cannot be made again the answers go on without drafts.
void Engine::Impl::remake_drafter() {
    Bounded bounded;
    const double method = effective_.get(KnobId::kSpeculativeMethod);
    if (method == static_cast<double>(DraftMethod::kNone)) return;  // one that was lost before stays told
    if (change_drafter(method, bounded) == method) return;
    asked_.set(KnobId::kSpeculativeMethod, method);
    lose_drafter(std::move(bounded.reason));
}

/// Knobs that the new device holds elsewhere, each as an event of its own.
void Engine::Impl::tell_what_changed() {
    follow_device(KnobId::kKvCacheDtype, kv_dtype_choice(executor_->kv_cache_dtype()));
    follow_device(KnobId::kActivationDtype, static_cast<double>(executor_->activation_dtype()));
    follow_device(KnobId::kWeightDtype, static_cast<double>(executor_->weight_dtype()));
    follow_device(KnobId::kBatchInvariant, executor_->batch_invariant() ? 1 : 0);
    if (no_device_.empty()) follow_pool_bytes(static_cast<uint32_t>(effective_.get(KnobId::kNumKvBlocks)));
}

void Engine::Impl::follow_device(KnobId id, double now) {
    const double before = effective_.get(id), asked = asked_.get(id);
    if (now == before) return;
    effective_.set(id, now);
    const KnobBound bound = now == asked ? KnobBound::kNone : KnobBound::kUnavailable;
    bounds_[static_cast<size_t>(id)] = bound;
    publish_knob(id, before, asked, bound, KnobOrigin::kEngine, 0);
}

/// Nobody waits for what cannot come.
void Engine::Impl::fail_those_without_room() {
    std::vector<LiveRequest*> without;
    for (const auto& [number, r] : requests_)
        if (!r->ended() && (!no_device_.empty() || r->most_blocks() > kv_.size())) without.push_back(r.get());
    for (LiveRequest* r : without)
        end_request(*r, FinishReason::kFailed, "",
                    no_device_.empty()
                        ? fmt::format("it needs {} KV blocks, and the device in place of the one that was "
                                      "lost has room for {}",
                                      r->most_blocks(), kv_.size())
                        : no_device_);
}

}  // namespace pitwall::engine
