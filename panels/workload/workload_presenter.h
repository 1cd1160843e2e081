// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <future>
#include <vector>

#include "panels/common/format.h"
#include "panels/knobs/knob_text.h"
#include "telemetry/control.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What arrives: as it was asked for (knobs) and as it was seen (events). Plain numbers and texts; GUI thread.
class WorkloadPresenter {
  public:
    struct Row {
        QString name;
        Quantity value;
    };
    static constexpr size_t kPoints = 60;
    static constexpr uint32_t kBurstRequests = 8;

    WorkloadPresenter(const telemetry::Store& store, telemetry::Control& control)
        : store_(store), control_(control), numbers_(store) {}
    /// `window` is the strip's axis, `range` that of the figures.
    void update(telemetry::TimeRange window, telemetry::TimeRange range, const QString& range_label,
                int64_t now_ms);

    const std::vector<Row>& rows() const { return rows_; }
    const std::vector<uint64_t>& arrivals() const {
        return arrivals_;
    }  ///< a piece of the window, oldest first
    uint64_t most_arrivals() const;
    int64_t piece_ns() const { return piece_ns_; }
    QString strip_caption() const;  ///< "Arrived, requests per 2 s"
    bool running() const { return numbers_.value(presets::KnobId::kWorkloadRunning) != 0; }
    bool closed_loop() const;
    int workload() const { return int(numbers_.value(presets::KnobId::kWorkload)); }
    int process() const { return int(numbers_.value(presets::KnobId::kArrivalProcess)); }
    QString scope() const { return scope_; }
    /// Why the last command was refused; empty where it was not, or long ago.
    QString notice() const { return notice_; }
    QString csv() const;

    void burst(int64_t now_ms);
    void toggle_arrivals(int64_t now_ms);
    void set_workload(int choice, int64_t now_ms);
    void set_process(int choice, int64_t now_ms);

  private:
    void send(presets::KnobId id, double value, int64_t now_ms);
    void read_answer(int64_t now_ms);

    const telemetry::Store& store_;
    telemetry::Control& control_;
    KnobNumbers numbers_;
    std::vector<Row> rows_;
    std::vector<uint64_t> arrivals_;
    int64_t piece_ns_ = 2'000'000'000;
    QString scope_, notice_;
    std::future<telemetry::Answer> answer_;
    int64_t notice_ms_ = 0;
};

}  // namespace pitwall::panels
