// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "panels/changes/change_figures.h"
#include "panels/changes/change_groups.h"

namespace pitwall::panels {

/// Which figure shows what a change did.
struct ChangeVerdict {
    size_t figure = 0;  ///< EffectIndex
    bool better = false;
};

/// Judged a few times only, when 10, 20 and 30 s are told on both sides or the ranges are full: who looks at every frame
/// finds something in noise sooner or later. 5 % is the chance to be wrong in any figure at any look (Bonferroni). The
/// first look with a figure apart decides, by the one that moved most; later ones keep it as long as that figure alone is
/// apart at 5 %, to the same side: less is asked of what is there than of what is new, so that a mark does not flicker.
/// Nothing: no clear change. `settled`: the ranges are full. `view_only`: an objective moved, which can only move who
/// meets it.
std::optional<ChangeVerdict> judge_change(const telemetry::Store& store, const EqualRanges& ranges,
                                          bool settled, bool view_only);

}  // namespace pitwall::panels
