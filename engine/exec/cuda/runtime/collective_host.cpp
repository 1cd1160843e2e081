// SPDX-License-Identifier: GPL-3.0-or-later
//
// collective.h where kernels are emulated. Sums go in the order of the ranks. Ranks that ask for different things end the program
// with a message, where devices would hang.
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/exec/cuda/runtime/collective.h"
#include "engine/exec/cuda/runtime/host_stream.h"
#include "telemetry/base/environment.h"

namespace pitwall::cuda {
namespace {

/// Between two of a rank's there is at most a batch of a small model: minutes, sanitized on a busy machine.
constexpr std::chrono::minutes kPatience{10};

enum class Kind : uint8_t { kGather, kSum, kBroadcast };
constexpr const char* kKindWords[] = {"gather", "sum", "broadcast"};

struct Call {
    Kind kind{};
    std::byte* data = nullptr;
    uint64_t count = 0;  ///< of words of 4 bytes
    uint64_t number = 0;
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "pitwall: emulated collective: %s\n", what.c_str());
    std::fflush(stderr);
    std::abort();
}

std::string shown(const Call& call) {
    return fmt::format("{} of {} words as number {}", kKindWords[static_cast<size_t>(call.kind)], call.count,
                       call.number);
}

/// Where the ranks of a group wait for each other.
class Meeting {
  public:
    explicit Meeting(size_t ranks) : calls_(ranks) {}

    void come(uint32_t rank, const Call& call);
    void end() {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

  private:
    void check_alike() const;
    void carry_out();
    void sum();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Call> calls_;  ///< of those that have come
    size_t arrived_ = 0;
    uint64_t round_ = 0;
    bool ended_ = false;
};

void Meeting::come(uint32_t rank, const Call& call) {
    std::unique_lock lock(mutex_);
    if (ended_) return;
    calls_[rank] = call;
    if (++arrived_ == calls_.size()) {
        check_alike();
        carry_out();
        arrived_ = 0;
        ++round_;
        changed_.notify_all();
        return;
    }
    const uint64_t own = round_;
    if (!changed_.wait_for(lock, kPatience, [&] { return round_ != own || ended_; }))
        fail(fmt::format("rank {} waits for the others with a {}", rank, shown(call)));
}

void Meeting::check_alike() const {
    for (size_t rank = 1; rank < calls_.size(); ++rank) {
        const Call &first = calls_[0], &other = calls_[rank];
        if (first.kind == other.kind && first.count == other.count && first.number == other.number) continue;
        fail(fmt::format("rank 0 asks for a {}, rank {} for a {}", shown(first), rank, shown(other)));
    }
}

void Meeting::carry_out() {
    const uint64_t bytes = calls_[0].count * sizeof(float);
    if (calls_[0].kind == Kind::kSum) return sum();
    for (size_t from = 0; from < calls_.size(); ++from) {
        const bool gathering = calls_[0].kind == Kind::kGather;
        if (!gathering && from > 0) return;
        const uint64_t at = gathering ? from * bytes : 0;
        for (size_t to = 0; to < calls_.size(); ++to)
            if (to != from) std::memcpy(calls_[to].data + at, calls_[from].data + at, bytes);
    }
}

void Meeting::sum() {
    for (uint64_t i = 0; i < calls_[0].count; ++i) {
        float sum = 0;
        for (const Call& call : calls_) sum += reinterpret_cast<const float*>(call.data)[i];
        for (const Call& call : calls_) reinterpret_cast<float*>(call.data)[i] = sum;
    }
}

struct HostRank {
    std::shared_ptr<Meeting> meeting;
    uint32_t rank = 0, device = 0;
    uint64_t asked = 0;
    Status failure;
};

HostRank& rank_of(const Collective& collective) { return *static_cast<HostRank*>(collective.handle); }

void ask(const Collective& collective, Stream& stream, Kind kind, void* data, uint64_t count) {
    HostRank& own = rank_of(collective);
    const Call call{kind, static_cast<std::byte*>(data), count, own.asked++};
    if (own.device == host_faults().device && host_faults().next_collective_fails) {
        host_faults().next_collective_fails = false;
        own.failure = Error{"a collective failed: emulated fault", ""};
        return;
    }
    enqueue(stream, [meeting = own.meeting, rank = own.rank, call](uint64_t) { meeting->come(rank, call); });
}

Status check_wanted() {
    return environment_text("PITWALL_NCCL") == "off" ? Status(collectives_are_off()) : Status();
}

}  // namespace

void release_collective(void* collective) { delete static_cast<HostRank*>(collective); }

Result<std::vector<Collective>> Collective::connect(std::span<const uint32_t> devices) {
    if (Status status = check_wanted(); !status.ok()) return status.error();
    const auto meeting = std::make_shared<Meeting>(devices.size());
    std::vector<Collective> ranks(devices.size());
    for (uint32_t rank = 0; rank < ranks.size(); ++rank)
        ranks[rank].handle = new HostRank{meeting, rank, devices[rank], 0, {}};
    return ranks;
}

Result<std::string> Collective::library_name() {
    if (Status status = check_wanted(); !status.ok()) return status.error();
    return std::string("emulated");
}

void Collective::gather(Stream& stream, float* all, uint64_t count) {
    ask(*this, stream, Kind::kGather, all, count);
}
void Collective::sum(Stream& stream, float* data, uint64_t count) {
    ask(*this, stream, Kind::kSum, data, count);
}
void Collective::broadcast(Stream& stream, int32_t* data, uint64_t count) {
    ask(*this, stream, Kind::kBroadcast, data, count);
}

uint64_t Collective::asked() const { return rank_of(*this).asked; }
Status Collective::take_failure() { return std::exchange(rank_of(*this).failure, {}); }
void Collective::abort() { rank_of(*this).meeting->end(); }

}  // namespace pitwall::cuda
