// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/common/format.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

/// One figure before and after a change.
struct EffectFigure {
    QString name;  ///< "TPOT p95"
    Quantity before, after;
    double change = 0;    ///< natural logarithm of after / before: 0.1 is about 10 %
    bool better = false;  ///< where it moved
    bool enough = false;  ///< samples on both sides to be worth showing
    bool apart = false;   ///< before and after, beyond chance
};

/// One side of a change, as much of it as figures need.
struct ChangeSide {
    telemetry::RangeStats stats;
    std::vector<double> ttft_ns, tpot_ns;  ///< ascending
    std::vector<telemetry::Bucket> pieces;
};
ChangeSide change_side(const telemetry::Store& store, telemetry::TimeRange range);

/// The order of effect_figures(): what everybody looks at, then what else may show it.
enum EffectIndex : size_t {
    kTtftP95,
    kTpotP95,
    kOutput,
    kTtftP50,
    kTpotP50,
    kEvictions,
    kPrefixHit,
    kSlosMet
};
inline constexpr size_t kEffectFigures = kSlosMet + 1;
/// Before and after are apart, or not, at a chance of `missed` for each figure: rates and the hit rate by Welch's t over
/// equal pieces, quantiles where intervals of both sides at half of it do not overlap, the share of SLOs met by
/// Newcombe's interval of the difference. Few requests say something of a median before they say anything of a 95th
/// percentile: hence both.
std::vector<EffectFigure> effect_figures(const ChangeSide& before, const ChangeSide& after, double missed);

}  // namespace pitwall::panels
