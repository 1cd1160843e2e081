// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

#include "panels/requests/request_text.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Which requests the table shows and in what order. Ended requests do not change any more: they are looked at once,
/// kept sorted, and merged with the few that run, so that a long session stays quick.
class RequestsPresenter {
  public:
    enum class Change { kNothing, kValues, kOrder };

    explicit RequestsPresenter(const telemetry::Store& store) : store_(store) {}

    Change refresh();
    /// While a hand aims at a row: the rows keep their places, new ones wait.
    void hold_order(bool hold) { hold_ = hold; }
    /// No column: those that run, those that wait, those that ended; the newest first.
    void set_sort(std::optional<RequestColumn> column, bool descending);
    std::optional<RequestColumn> sort_column() const { return sort_; }
    bool descending() const { return descending_; }
    /// Every word must be in the row: in its id, state, class or prompt, in any case.
    void set_filter(const QString& filter);
    const QString& filter() const { return filter_; }

    const std::vector<RequestId>& order() const { return order_; }
    int row_of(RequestId request) const;  ///< -1: not shown
    /// The one `by` rows further down; from nowhere the first. kNoRequest where there is none.
    RequestId moved(RequestId from, int by) const;
    /// The longest time since arrival among those rows, for the bars' common scale.
    int64_t longest_ns(int first_row, int last_row) const;
    const telemetry::RequestRow* row(RequestId request) const { return store_.find_request(request); }
    const telemetry::Store& store() const { return store_; }
    SloLimits slo() const { return slo_limits(store_); }
    bool empty() const { return store_.requests().empty(); }

    QString scope() const;
    QStringList shorter_scopes() const;
    /// Ended so long ago that the store let go of their prompts, and found by no other word of theirs: whether the
    /// filter is in the prompt is not known. 0 without a filter.
    size_t unsearched() const { return unsearched_; }
    QString unsearched_note() const;  ///< a sentence about them; empty where there are none
    QString csv() const;              ///< of the rows shown, in their order

  private:
    struct Entry {
        RequestId id;
        double key;
    };
    bool before(const Entry& a, const Entry& b) const;
    Entry entry(const telemetry::RequestRow& row) const;
    bool matches(const telemetry::RequestRow& row) const;
    void rebuild();
    void sort_ended();
    void take_new();
    void take_ended();
    void end(const telemetry::RequestRow& row);
    bool found(const telemetry::RequestRow& ended);
    void merge();

    const telemetry::Store& store_;
    std::optional<RequestColumn> sort_;
    bool descending_ = true, dirty_ = true, resort_ = false, hold_ = false;
    bool held_ = false;  ///< the last refresh kept back what the next one has to show
    QString filter_;
    std::vector<QString> words_;
    std::vector<RequestId> active_;
    std::vector<Entry> ended_;  ///< sorted; those that match the filter
    std::vector<RequestId> order_;
    size_t known_ = 0, running_ = 0, waiting_ = 0, finished_ = 0, others_ = 0;
    size_t unsearched_ = 0;
    RequestId newest_ = kNoRequest;
    uint64_t events_seen_ = 0;
};

}  // namespace pitwall::panels
