// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/device/device_presenter.h"

#include <algorithm>

#include "panels/device/gpu_readings.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

void DevicePresenter::update(telemetry::TimeRange range, const QString& range_label) {
    const auto whole =
        telemetry::buckets(store_, range, 1, false, {.tokens = false, .requests = false, .evictions = false});
    sums_ = whole.front().steps.kernels;
    steps_ = whole.front().steps.steps;
    parts_ = StepParts(sums_);
    part_rows_ = parts_.rows();
    device_rows_ = empty() ? std::vector<ValueRow>() : kernel_rates(sums_);
    if (!store_.gpu_samples().empty()) {
        const auto readings = gpu_readings(store_.gpu_samples().back().gpu);
        device_rows_.insert(device_rows_.end(), readings.begin(), readings.end());
    }
    scope_ = QStringLiteral("%1 of %2 steps timed, %3")
                 .arg(format_count(int64_t(sums_.steps)), format_count(int64_t(steps_)), range_label);
}

QString DevicePresenter::empty_words() const {
    if (store_.steps().empty()) return QStringLiteral("No step yet. Start the workload");
    if (store_.session("kernel_tier") == "simulated")
        return QStringLiteral("A simulated device has no kernels to time");
    return QStringLiteral("No step of this range had its kernels timed. Choose a longer one");
}

QString DevicePresenter::caption() const {
    return QStringLiteral("A step's time, mean of %1").arg(format_count(int64_t(sums_.steps)));
}

Quantity DevicePresenter::mean_step() const {
    return format_duration(parts_.total_ns() / static_cast<double>(std::max<uint64_t>(1, sums_.steps)));
}

QString DevicePresenter::csv() const {
    return QStringLiteral("device,value,unit\n") + csv_lines(part_rows_) + csv_lines(device_rows_);
}

}  // namespace pitwall::panels
