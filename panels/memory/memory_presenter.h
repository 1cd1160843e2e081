// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <optional>
#include <vector>

#include "panels/common/value_row.h"
#include "telemetry/stats/quantile.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Where the memory of the session goes, and how many more requests it holds: from the store alone. GUI thread.
class MemoryPresenter {
  public:
    /// In the order of the bar.
    enum Part : size_t { kWeights, kInUse, kSlack, kCached, kFree, kActivations, kDraft, kRest, kParts };
    using Bytes = std::array<std::optional<double>, kParts>;

    explicit MemoryPresenter(const telemetry::Store& store) : store_(store) {}
    /// `range`: whose finished requests say what a request needs.
    void update(telemetry::TimeRange range, const QString& range_label);

    /// Nothing where no event has told it, or where it is not of this process (kRest of a simulated device); nothing too for
    /// activations and a draft model where there are none.
    const Bytes& bytes() const { return bytes_; }
    double total_bytes() const;  ///< of those known
    static const char* color_token(Part part);
    static double opacity(Part part);
    bool simulated() const;
    bool on_gpu()
        const;  ///< weights, KV and activations lie in its memory, the rest in the host's  ///< weights and KV are a simulated device's, not this process's
    const std::vector<ValueRow>& parts() const { return parts_; }
    const ValueRow* part_row(Part part) const;  ///< null where the part has none
    const std::vector<ValueRow>& room() const { return room_; }
    QString caption() const;  ///< what the bar is the sum of
    QString scope() const { return scope_; }
    bool empty() const { return store_.steps().empty(); }
    QString csv() const;

  private:
    void measure();
    void describe_parts();
    void describe_computing();
    void describe_rest();
    void describe_resident();
    void describe_pool();
    void describe_growth(double beyond_bytes);
    void describe_requests(const QString& range_label);
    void describe_seats();
    void count_request_blocks(telemetry::TimeRange range);
    void add_part(Part part, const char* name, QString definition);
    uint64_t available_blocks() const;
    double more_requests(double blocks) const;  ///< whole ones, of so many blocks each
    uint32_t seats_left() const;

    const telemetry::Store& store_;
    Bytes bytes_{};
    telemetry::StepEvent step_{};      ///< the newest
    telemetry::Percentiles blocks_{};  ///< at the end of the requests that finished in the range
    std::vector<ValueRow> parts_, room_;
    std::array<std::optional<size_t>, kParts> row_index_{};  ///< in parts_
    QString scope_;
};

}  // namespace pitwall::panels
