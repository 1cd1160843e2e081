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

    bool timed() const { return sums_.steps > 0; }  ///< a step of the range; without, there is no bar
    bool empty() const { return !timed() && device_rows_.empty(); }
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
    const telemetry::GpuEvent* reading(telemetry::TimeRange range) const;
    telemetry::StepSums steps_of(telemetry::TimeRange range) const;

    const telemetry::Store& store_;
    telemetry::KernelSums sums_;
    uint64_t steps_ = 0;          ///< of the range, timed or not
    bool session_timed_ = false;  ///< a step of all that the store knows; looked for where the range has none
    StepParts parts_;
    std::vector<ValueRow> part_rows_, device_rows_;
    QString scope_;
};

}  // namespace pitwall::panels
