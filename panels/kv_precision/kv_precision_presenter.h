// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/value_row.h"
#include "panels/kv_precision/kv_effect.h"
#include "panels/kv_precision/kv_probe_figures.h"

namespace pitwall::panels {

/// What the format of the KV cache gives and what it costs: room, quality as the probe measured it, and speed before and
/// after its last change. From the store alone. GUI thread.
class KvPrecisionPresenter {
  public:
    /// Why there are no figures of quality.
    enum class NoProbe { kThereAre, kReference, kOff, kNotYet };

    explicit KvPrecisionPresenter(const telemetry::Store& store) : store_(store), effects_(store) {}
    /// `range`: of the probe's samples.
    void update(telemetry::TimeRange range, const QString& range_label);

    const std::vector<ValueRow>& format() const { return format_; }
    const std::vector<ValueRow>& quality() const { return quality_; }
    const std::vector<ValueRow>& effect() const { return effect_rows_; }
    const std::vector<ValueRow>& pays() const { return pays_; }
    NoProbe no_probe() const { return no_probe_; }
    const std::optional<KvEffect>& measured() const { return effect_; }
    const KvProbeFigures& probe() const { return probe_; }
    QString effect_caption() const;  ///< which ranges are compared
    QString scope() const { return scope_; }
    bool empty() const { return store_.steps().empty(); }
    QString csv() const;

  private:
    void describe_format();
    void describe_sizes();
    void describe_quality(telemetry::TimeRange range);
    void describe_probe(telemetry::TimeRange range);
    void describe_effect();
    void describe_pays();
    void add_effect(const char* name, const telemetry::Interval& before, const telemetry::Interval& after,
                    double unit, const char* unit_name, const char* definition);
    NoProbe why_no_probe() const;

    const telemetry::Store& store_;
    ChangeEffects effects_;
    std::vector<KvFormatSpan> formats_;
    KvProbeFigures probe_;
    std::optional<KvEffect> effect_;
    NoProbe no_probe_ = NoProbe::kNotYet;
    std::vector<ValueRow> format_, quality_, effect_rows_, pays_;
    QString scope_;
};

/// "0.0123", "1.2e-5": three figures of a divergence, however small.
QString format_nats(double nats);

}  // namespace pitwall::panels
