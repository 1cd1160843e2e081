// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/device/device_presenter.h"

#include <algorithm>

#include "panels/device/gpu_readings.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

namespace {
/// A reading comes once a second; what is older than a few is not of now.
constexpr int64_t kFreshNs = 3'000'000'000;

bool on_gpu(const telemetry::Store& store) { return store.session("kernel_tier").starts_with("cuda"); }
}  // namespace

telemetry::StepSums DevicePresenter::steps_of(telemetry::TimeRange range) const {
    constexpr telemetry::BucketParts kStepsAlone{.tokens = false, .requests = false, .evictions = false};
    return telemetry::buckets(store_, range, 1, false, kStepsAlone).front().steps;
}

/// The last of the range. One that reaches to now is read as what is now: a GPU that is lost or silent has no reading there.
const telemetry::GpuEvent* DevicePresenter::reading(telemetry::TimeRange range) const {
    const auto& samples = store_.gpu_samples();
    const auto inside = [&](const telemetry::GpuRow& row) {
        return row.t_ns >= range.begin_ns && row.t_ns < range.end_ns;
    };
    const auto last = std::find_if(samples.rbegin(), samples.rend(), inside);
    if (last == samples.rend()) return nullptr;
    const bool of_now = range.end_ns >= store_.now_ns();
    if (of_now && (!on_gpu(store_) || last->t_ns <= store_.now_ns() - kFreshNs)) return nullptr;
    return &last->gpu;
}

void DevicePresenter::update(telemetry::TimeRange range, const QString& range_label) {
    const telemetry::StepSums steps = steps_of(range);
    sums_ = steps.kernels;
    steps_ = steps.steps;
    const telemetry::TimeRange whole{std::max(store_.begin_ns(), store_.history_begin_ns()),
                                     store_.now_ns() + 1};
    session_timed_ = timed() || steps_of(store_.snapped(whole)).kernels.steps > 0;
    parts_ = StepParts(sums_);
    part_rows_ = parts_.rows();
    device_rows_ = timed() ? kernel_rates(sums_) : std::vector<ValueRow>();
    if (const telemetry::GpuEvent* gpu = reading(range)) {
        const auto readings = gpu_readings(*gpu);
        device_rows_.insert(device_rows_.end(), readings.begin(), readings.end());
    }
    scope_ = QStringLiteral("%1 of %2 steps timed, %3")
                 .arg(format_count(int64_t(sums_.steps)), format_count(int64_t(steps_)), range_label);
}

QString DevicePresenter::empty_words() const {
    if (store_.steps().empty()) return QStringLiteral("No step yet. Start the workload");
    if (store_.session("kernel_tier") == "simulated")
        return QStringLiteral("A simulated device has no kernels to time");
    if (session_timed_)
        return QStringLiteral("No step of this range had its kernels timed. Choose a longer one");
    constexpr size_t kFewSteps = 64;
    if (on_gpu(store_) && store_.steps().size() < kFewSteps)
        return QStringLiteral("No step had its kernels timed yet: on a GPU one in many is");
    return QStringLiteral("This device times no kernels, or the recording was made before they were timed");
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
