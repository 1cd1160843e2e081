// SPDX-License-Identifier: GPL-3.0-or-later
//
// The weather of every storm: where its seed comes from, and how long it blows.
//   PITWALL_SEED=N           begins at this seed: repeats what a failed run printed
//   PITWALL_STORM_SECONDS=N  goes on with fresh seeds for so long, in each storm (scripts/test --long)
// With neither, the seeds are always the same few: a red CI is the fault of the commit.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

namespace pitwall {

/// `for (const uint32_t seed : StormSeeds(8))` goes through 8 seeds, or until the time is over; a failure names its seed
/// and ends the storm.
class StormSeeds {
  public:
    explicit StormSeeds(uint32_t rounds = 1)
        : rounds_(rounds), end_(Clock::now() + std::chrono::seconds(number("PITWALL_STORM_SECONDS", 0))) {
        const bool fresh = std::getenv("PITWALL_STORM_SECONDS") != nullptr;
        seed_ = static_cast<uint32_t>(number("PITWALL_SEED", fresh ? std::random_device()() : 1));
    }

    struct End {};
    struct Iterator {
        StormSeeds& storm;
        uint32_t operator*() const { return storm.seed_; }
        void operator++() { storm.next(); }
        bool operator!=(End) const { return storm.goes_on(); }
    };
    Iterator begin() {
        tell();
        return {*this};
    }
    End end() const { return {}; }

  private:
    using Clock = std::chrono::steady_clock;
    static uint64_t number(const char* name, uint64_t otherwise) {
        const char* text = std::getenv(name);
        return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
    }
    bool goes_on() const {
        return !::testing::Test::HasFailure() && (round_ < rounds_ || Clock::now() < end_);
    }
    void next() {
        ++round_;
        ++seed_;
        trace_.reset();  // before the next one: traces are a stack
        if (goes_on()) tell();
    }
    /// On stdout before the round: a crash prints no trace.
    void tell() {
        const std::string text = "PITWALL_SEED=" + std::to_string(seed_);
        std::puts(text.c_str());
        std::fflush(stdout);
        trace_.emplace(__FILE__, __LINE__, text);
    }

    uint32_t rounds_, round_ = 0, seed_ = 0;
    Clock::time_point end_;
    std::optional<::testing::ScopedTrace> trace_;
};

#ifdef PITWALL_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// How much of a storm fits into the same time: sanitized code runs many times slower.
constexpr uint32_t storm_size(uint32_t full) { return kSanitized ? (full + 7) / 8 : full; }

}  // namespace pitwall
