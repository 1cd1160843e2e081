// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/changes/change_figures.h"
#include "panels/changes/change_groups.h"
#include "panels/changes/change_verdict.h"
#include "panels/common/paint.h"
#include "panels/knobs/knob_text.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What a change did: equal ranges before and after, nothing else changed in either.
struct ChangeEffect {
    ChangeGroup group;
    EqualRanges ranges;
    telemetry::RangeStats before, after;
    std::vector<EffectFigure> figures;     ///< by EffectIndex
    std::optional<size_t> telling;         ///< the one to show; nothing where none has samples enough
    std::optional<ChangeVerdict> verdict;  ///< of the telling one; nothing where no change is clear
    bool settled = false;                  ///< more time will not change it
};

/// Computes the effects of all changes, each once and for all when its ranges are full. GUI thread.
class ChangeEffects {
  public:
    explicit ChangeEffects(const telemetry::Store& store) : store_(store), numbers_(store) {}
    void update();
    /// That of one change alone, for a card; nothing where there is no such change.
    std::optional<ChangeEffect> compute(uint32_t number) const;
    const std::vector<ChangeEffect>& all() const { return effects_; }  ///< oldest first
    const ChangeEffect* find(uint32_t number) const;                   ///< null where there is no such change
    const KnobNumbers& numbers() const { return numbers_; }
    /// "max_num_batched_tokens", "768 → 256 tokens".
    QString knob_name(const ChangeGroup& group) const { return numbers_.name(group.knob); }
    QString values(const ChangeGroup& group) const;
    /// When a mark is set, in words.
    static QString rule();
    /// Name, values, and TTFT p95, TPOT p95 and output before and after, with n.
    HoverCard card(const ChangeEffect& effect) const;

    static constexpr int64_t kLongestNs = 30'000'000'000;

  private:
    ChangeEffect compute(const std::vector<ChangeGroup>& groups, size_t index) const;

    const telemetry::Store& store_;
    KnobNumbers numbers_;
    std::vector<ChangeEffect> effects_;
};

}  // namespace pitwall::panels
