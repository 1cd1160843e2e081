// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/exec/cuda/runtime/collective.h"

namespace pitwall::cuda {

/// The ranks of one executor as their threads know of each other. What one of them cannot do none may begin, for in a collective
/// all wait for the last: they agree() before. One that fails where others may wait already breaks the group up, for good.
class RankGroup {
  public:
    static Result<std::unique_ptr<RankGroup>> connect(std::span<const uint32_t> devices);

    uint32_t size() const { return static_cast<uint32_t>(collectives_.size()); }
    Collective& collective(uint32_t rank) { return collectives_[rank]; }

    /// By every rank, each on its own thread: waits for all. Good where each is; else the same error to all, with the name of the
    /// GPU. Ranks that have asked for different numbers of collectives are broken up.
    Status agree(uint32_t rank, const Status& own);
    /// By one rank, on any thread. Lets all go that wait for others. The first reason stays.
    void break_up(uint32_t rank, const Error& why);
    /// An error where it was broken up; any thread.
    Status status() const;

    /// Before all ranks begin with something, while none is at work.
    void begin() { agreed_to_fail_ = false; }
    /// Whether all know that what was begun last has failed.
    bool agreed_to_fail() const;
    /// "cuda:1: ..."
    Error told_by(uint32_t rank, const Error& error) const;

  private:
    bool conclude();

    std::vector<uint32_t> devices_;
    std::vector<Collective> collectives_;
    mutable std::mutex mutex_;  ///< guards the rest
    std::condition_variable changed_;
    uint32_t arrived_ = 0;
    uint64_t round_ = 0;
    std::vector<Status> own_;      ///< [ranks], in this round
    std::vector<uint64_t> asked_;  ///< [ranks]
    Status verdict_;               ///< of the round before
    bool agreed_to_fail_ = false;
    Status broken_;
};

/// Where an executor stands among those that share a model.
struct Rank {
    uint32_t index = 0, count = 1;
    RankGroup* group = nullptr;  ///< none where it is the only one

    Status agree(const Status& own) const { return group ? group->agree(index, own) : own; }
    void break_up(const Error& why) const {
        if (group) group->break_up(index, why);
    }
    /// Of its collectives; the others may be waiting for what failed.
    Status take_failure() const {
        Status status = group ? collective()->take_failure() : Status();
        if (!status.ok()) break_up(status.error());
        return status;
    }
    Collective* collective() const { return group ? &group->collective(index) : nullptr; }
};

}  // namespace pitwall::cuda
