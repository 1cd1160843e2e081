// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/acceptance.h"

#include <algorithm>

namespace pitwall::engine {

namespace {

constexpr double kNewestChance = 1.0 / 200;  ///< of the newest draft among those of its strength and place
constexpr uint32_t kKnownTimes = 200;        ///< as many as count, then
constexpr double kFirstGuess = 0.6, kGuessTimes = 2;  ///< of a first draft, and how often seen it counts for
constexpr double kNewestOffset = 1.0 / 40;            ///< of the newest draft among those of its request
/// Of an offset, in a step in which its request could not show otherwise: bad luck is no sentence for life.
constexpr double kForgotten = 1.0 / 256;

}  // namespace

/// A place of which little is known is taken for much like the one before it.
double Acceptance::mean_chance(uint32_t strength, uint32_t place) const {
    double chance = kFirstGuess;
    for (uint32_t i = 0; i <= std::min(place, kPlaces - 1); ++i) {
        const Mean& mean = means_[std::min(strength, Drafter::kStrengths - 1)][i];
        const double known = std::min(mean.times, kKnownTimes);
        chance = (known * mean.value + kGuessTimes * chance) / (known + kGuessTimes);
    }
    return chance;
}

double Acceptance::chance(RequestId request, uint32_t strength, uint32_t place) const {
    const auto offset = offsets_.find(raw(request));
    return std::clamp(mean_chance(strength, place) + (offset == offsets_.end() ? 0 : offset->second), 0.0,
                      0.99);
}

/// Those before the first rejected one held, that one did not, and of those behind nothing is known.
void Acceptance::add(RequestId request, uint32_t strength, uint32_t drafted, uint32_t accepted) {
    double& offset = offsets_[raw(request)];
    for (uint32_t place = 0; place < std::min(drafted, accepted + 1); ++place) {
        const double held = place < accepted ? 1 : 0;
        offset += kNewestOffset * (held - mean_chance(strength, place) - offset);
        Mean& mean = means_[std::min(strength, Drafter::kStrengths - 1)][std::min(place, kPlaces - 1)];
        ++mean.times;
        mean.value += std::max(kNewestChance, 1.0 / mean.times) * (held - mean.value);
    }
}

void Acceptance::rest(RequestId request) {
    const auto offset = offsets_.find(raw(request));
    if (offset != offsets_.end()) offset->second *= 1 - kForgotten;
}

}  // namespace pitwall::engine
