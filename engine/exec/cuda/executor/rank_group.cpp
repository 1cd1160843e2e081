// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/rank_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pitwall::cuda {

Result<std::unique_ptr<RankGroup>> RankGroup::connect(std::span<const uint32_t> devices) {
    auto collectives = Collective::connect(devices);
    if (!collectives.ok()) return collectives.error();
    auto group = std::make_unique<RankGroup>();
    group->collectives_ = std::move(collectives).value();
    group->devices_.assign(devices.begin(), devices.end());
    group->own_.resize(devices.size());
    group->asked_.resize(devices.size());
    return group;
}

Status RankGroup::agree(uint32_t rank, const Status& own) {
    std::unique_lock lock(mutex_);
    if (!broken_.ok()) return broken_;
    own_[rank] = own;
    asked_[rank] = collectives_[rank].asked();
    if (++arrived_ == size()) {
        if (conclude()) return verdict_;
        lock.unlock();
        break_up(rank, Error{"the GPUs do not ask for the same collectives", "report this, or use one GPU"});
        return status();
    }
    changed_.wait(lock, [this, round = round_] { return round_ != round || !broken_.ok(); });
    return broken_.ok() ? verdict_ : broken_;
}

/// All have come; nobody comes again before everybody has gone. False: they have not asked for as much, and are left waiting.
bool RankGroup::conclude() {
    if (!std::equal(asked_.begin() + 1, asked_.end(), asked_.begin())) return false;
    verdict_ = {};
    for (uint32_t rank = size(); rank-- > 0;)
        if (!own_[rank].ok()) verdict_ = told_by(rank, own_[rank].error());
    agreed_to_fail_ = !verdict_.ok();
    arrived_ = 0;
    ++round_;
    changed_.notify_all();
    return true;
}

void RankGroup::break_up(uint32_t rank, const Error& why) {
    {
        const std::lock_guard lock(mutex_);
        if (!broken_.ok()) return;
        broken_ = told_by(rank, why);
        changed_.notify_all();
    }
    for (Collective& collective : collectives_) collective.abort();
}

Error RankGroup::told_by(uint32_t rank, const Error& error) const {
    return {fmt::format("cuda:{}: {}", devices_[rank], error.what), error.hint};
}

Status RankGroup::status() const {
    const std::lock_guard lock(mutex_);
    return broken_;
}

bool RankGroup::agreed_to_fail() const {
    const std::lock_guard lock(mutex_);
    return agreed_to_fail_;
}

}  // namespace pitwall::cuda
