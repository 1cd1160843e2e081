// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/common/value_row.h"
#include "panels/speculation/draft_costs.h"
#include "panels/speculation/share_bars.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What drafts brought and what they cost over a range, and from which acceptance on they pay at each number of decoding
/// sequences. From the store alone. GUI thread.
class SpeculationPresenter {
  public:
    /// kLoading, kReading, kNotWorth: a draft model is to draft, and has not: it is not there yet, nobody decodes, or all that
    /// decode had better do so without.
    enum class Empty { kThereAre, kNoStep, kOff, kNoDraft, kLoading, kReading, kNotWorth };

    explicit SpeculationPresenter(const telemetry::Store& store) : store_(store) {}
    void update(telemetry::TimeRange range, const QString& range_label);

    const std::vector<ShareBar>& positions() const { return positions_; }
    const std::vector<ShareBar>& batches() const { return batches_; }
    const std::vector<ValueRow>& gained() const { return gained_; }
    const std::vector<ValueRow>& spent() const { return spent_; }
    const std::vector<ValueRow>& verdicts() const {
        return verdicts_;
    }  ///< a row for each number of sequences
    const std::vector<BatchCost>& costs() const { return costs_; }
    const telemetry::DraftSums& drafts() const { return drafts_; }
    Empty why_empty() const;
    QString empty_sentence() const;
    QString scope() const { return scope_; }
    QString csv() const;

  private:
    QString draft_model() const;  ///< its name; empty where none was loaded
    QString why_lost() const;     ///< the draft model; empty where it is not
    QString why_not_worth() const;
    void describe_positions();
    void describe_gained();
    void describe_loss();
    void describe_methods(telemetry::TimeRange range);
    void name_model(ValueRow& row, telemetry::TimeRange range) const;
    void describe_spent(telemetry::TimeRange range);
    void describe_batches();

    const telemetry::Store& store_;
    telemetry::StepSums steps_;
    telemetry::DraftSums drafts_;
    std::vector<BatchCost> costs_;
    std::vector<ShareBar> positions_, batches_;
    std::vector<ValueRow> gained_, spent_, verdicts_;
    QString scope_;
};

}  // namespace pitwall::panels
