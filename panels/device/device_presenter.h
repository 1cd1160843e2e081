// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/common/value_row.h"
#include "panels/device/step_parts.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What the device does with a step's time, and what its driver says of it: from the store alone. GUI thread.
class DevicePresenter {
  public:
    explicit DevicePresenter(const telemetry::Store& store) : store_(store) {}
    void update(telemetry::TimeRange range, const QString& range_label);

    bool empty() const { return sums_.steps == 0; }
    QString empty_words() const;  ///< why there is nothing to show, and what to do
    bool can_start() const { return store_.steps().empty(); }
    const StepParts& parts() const { return parts_; }
    const std::vector<ValueRow>& part_rows() const { return part_rows_; }
    const std::vector<ValueRow>& device_rows() const { return device_rows_; }
    QString caption() const;  ///< of the bar
    Quantity mean_step() const;
    QString scope() const { return scope_; }
    QString csv() const;

  private:
    const telemetry::Store& store_;
    telemetry::KernelSums sums_;
    uint64_t steps_ = 0;  ///< of the range, timed or not
    StepParts parts_;
    std::vector<ValueRow> part_rows_, device_rows_;
    QString scope_;
};

}  // namespace pitwall::panels
