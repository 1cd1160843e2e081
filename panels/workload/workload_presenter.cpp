// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/workload/workload_presenter.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "telemetry/stats/quantile.h"

namespace pitwall::panels {

using presets::KnobId;
using telemetry::TimeRange;

namespace {

constexpr int64_t kNoticeShownMs = 10'000;

/// Median of whole tokens; an en dash without samples.
Quantity median_tokens(std::vector<double>& samples) {
    if (samples.empty()) return {kNoValue, {}};
    return {format_count(std::llround(telemetry::percentiles(samples).p50)), QStringLiteral("tokens")};
}

}  // namespace

void WorkloadPresenter::update(TimeRange window, TimeRange range, const QString& range_label,
                               int64_t now_ms) {
    read_answer(now_ms);
    const std::vector<telemetry::Bucket> buckets = telemetry::buckets(
        store_, window, kPoints, true, {.steps = false, .tokens = false, .evictions = false});
    piece_ns_ = buckets.front().end_ns - buckets.front().begin_ns;
    arrivals_.clear();
    for (const telemetry::Bucket& bucket : buckets) arrivals_.push_back(bucket.arrived);

    std::vector<double> prompts, outputs;
    uint64_t cached = 0, asked = 0;
    store_.for_requests(range, [&](const telemetry::RequestRow& row) {
        if (range.contains(row.arrival_ns)) prompts.push_back(row.prompt_tokens);
        if (row.ended() && range.contains(row.end_ns) && telemetry::times_of(row).finished())
            outputs.push_back(row.output_tokens);
        if (row.scheduled_ns < 0 || !range.contains(row.scheduled_ns)) return;
        cached += row.cached_tokens;
        asked += row.prompt_tokens;
    });
    // A session younger than the range has not had so long to receive anything.
    const double seconds = double(range.end_ns - std::max<int64_t>(range.begin_ns, 0)) / 1e9;
    const size_t arrived = prompts.size(), finished = outputs.size();
    const double share = asked ? double(cached) / double(asked) : std::nan("");
    const Quantity shared =
        asked ? Quantity{format_fixed(share * 100, 1), QStringLiteral("%")} : Quantity{kNoValue, {}};
    rows_ = {
        {QStringLiteral("Arrived"), seconds > 0
                                        ? format_rate(double(arrived) / seconds, QStringLiteral("req/s"))
                                        : Quantity{kNoValue, {}}},
        {QStringLiteral("Prompt p50, n = %1").arg(format_count(int64_t(arrived))), median_tokens(prompts)},
        {QStringLiteral("Output p50, n = %1").arg(format_count(int64_t(finished))), median_tokens(outputs)},
        {QStringLiteral("Prompt tokens shared"), shared}};
    scope_ = range_label;
    if (!running()) scope_ = QStringLiteral("arrivals paused");
}

uint64_t WorkloadPresenter::most_arrivals() const {
    return arrivals_.empty() ? 0 : *std::max_element(arrivals_.begin(), arrivals_.end());
}

QString WorkloadPresenter::strip_caption() const {
    const double seconds = double(piece_ns_) / 1e9;
    return QStringLiteral("Arrived, requests per %1 s")
        .arg(format_fixed(seconds, seconds < 10 && seconds != std::floor(seconds) ? 1 : 0));
}

bool WorkloadPresenter::closed_loop() const { return process() == int(presets::ArrivalProcess::kClosed); }

QString WorkloadPresenter::csv() const {
    QString text = QStringLiteral("figure,value,unit\n");
    for (const Row& row : rows_)
        text += QStringLiteral("%1,\"%2\",%3\n").arg(row.name, row.value.number, row.value.unit);
    text += QStringLiteral("\npiece_s,arrived\n");
    for (size_t i = 0; i < arrivals_.size(); ++i)
        text += QStringLiteral("%1,%2\n").arg(double(i) * double(piece_ns_) / 1e9).arg(arrivals_[i]);
    return text;
}

// ---------------------------------------------------------------------------------------------- what a hand does

void WorkloadPresenter::send(KnobId id, double value, int64_t now_ms) {
    const presets::KnobSpec& spec = presets::spec(id);
    notice_.clear();
    answer_ = control_.set_knob(spec.name, presets::format_value(spec, value));
    read_answer(now_ms);
}

void WorkloadPresenter::burst(int64_t now_ms) {
    notice_.clear();
    answer_ = control_.burst(kBurstRequests);
    read_answer(now_ms);
}

void WorkloadPresenter::toggle_arrivals(int64_t now_ms) {
    send(KnobId::kWorkloadRunning, running() ? 0 : 1, now_ms);
}
void WorkloadPresenter::set_workload(int choice, int64_t now_ms) { send(KnobId::kWorkload, choice, now_ms); }
void WorkloadPresenter::set_process(int choice, int64_t now_ms) {
    send(KnobId::kArrivalProcess, choice, now_ms);
}

void WorkloadPresenter::read_answer(int64_t now_ms) {
    if (answer_.valid() && answer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        const telemetry::Answer answer = answer_.get();
        if (answer.verdict == telemetry::Verdict::kRefused) {
            notice_ = QString::fromStdString(answer.reason);
            notice_ms_ = now_ms;
        }
    }
    if (!notice_.isEmpty() && now_ms - notice_ms_ > kNoticeShownMs) notice_.clear();
}

}  // namespace pitwall::panels
