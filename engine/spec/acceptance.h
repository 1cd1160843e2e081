// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "engine/spec/drafter.h"

namespace pitwall::engine {

/// How likely a draft is accepted, given that those before it were: by how sure the drafter was and by its place, and of one
/// request how much better or worse than that.
class Acceptance {
  public:
    static constexpr uint32_t kPlaces = 8;

    double chance(RequestId request, uint32_t strength, uint32_t place) const;
    double mean_chance(uint32_t strength, uint32_t place) const;
    void add(RequestId request, uint32_t strength, uint32_t drafted, uint32_t accepted);
    /// It had drafts, and none was verified: what is known of it is a step older.
    void rest(RequestId request);
    void end(RequestId request) { offsets_.erase(raw(request)); }

  private:
    struct Mean {
        uint32_t times = 0;
        double value = 0;
    };
    std::array<std::array<Mean, kPlaces>, Drafter::kStrengths> means_{};
    std::unordered_map<uint32_t, double> offsets_;
};

}  // namespace pitwall::engine
