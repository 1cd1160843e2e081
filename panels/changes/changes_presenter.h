// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/changes/change_effect.h"

namespace pitwall::panels {

/// One row of the list.
struct ChangeRowView {
    uint32_t number = 0;
    QString knob, values;  ///< "num_kv_blocks", "2,048 → 3,072 blocks"
    QString time;          ///< "3:14"
    QString figure;        ///< "TPOT p95"; or why there is none yet
    QString before_after;  ///< "39.7 → 22.5"
    QString unit;          ///< "ms"
    enum class Verdict { kNone, kBetter, kWorse } verdict = Verdict::kNone;
    QString verdict_word;  ///< "better", "worse", "no clear change yet", "measuring"
    QString note;          ///< the bound that holds, or how long applying it held the engine
    int64_t t_ns = 0;      ///< when it began to hold: what follows is since this change
    bool operator==(const ChangeRowView&) const = default;
};

/// What hands did, newest last, each with one figure before and after. GUI thread.
class ChangesPresenter {
  public:
    explicit ChangesPresenter(const telemetry::Store& store) : effects_(store) {}
    /// True when a row looks different.
    bool update();
    const std::vector<ChangeRowView>& rows() const { return rows_; }
    const ChangeEffects& effects() const { return effects_; }
    QString scope() const { return QStringLiteral("before and after, 30 s or less"); }
    QString csv() const;

    struct Undo {
        QString knob, value;  ///< as Control::set_knob takes them; an empty knob: nothing to undo
    };
    /// What sets the knob of that row back to where it was before.
    Undo undo(uint32_t number) const;

  private:
    ChangeRowView make_row(const ChangeEffect& effect) const;

    ChangeEffects effects_;
    std::vector<ChangeRowView> rows_;
};

}  // namespace pitwall::panels
