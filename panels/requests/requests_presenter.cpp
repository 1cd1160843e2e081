// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/requests_presenter.h"

#include <algorithm>
#include <cmath>

#include "panels/common/format.h"

namespace pitwall::panels {

using telemetry::FinishReason;
using telemetry::RequestRow;
using telemetry::RequestState;

void RequestsPresenter::set_sort(std::optional<RequestColumn> column, bool descending) {
    resort_ |= column != sort_ || descending != descending_;
    sort_ = column;
    descending_ = descending;
}

void RequestsPresenter::set_filter(const QString& filter) {
    if (filter == filter_) return;
    filter_ = filter;
    words_.clear();
    for (const QString& word : filter.split(u' ', Qt::SkipEmptyParts)) words_.push_back(word);
    dirty_ = true;
}

RequestsPresenter::Change RequestsPresenter::refresh() {
    if (!dirty_ && !resort_ && !held_ && store_.events_applied() == events_seen_) return Change::kNothing;
    std::vector<RequestId> before = std::move(order_);
    order_.clear();
    const bool cleared = store_.events_applied() < events_seen_;
    held_ = hold_ && !dirty_ && !resort_ && !cleared;
    events_seen_ = store_.events_applied();
    if (!dirty_ && !cleared) {
        if (resort_) sort_ended();
        take_new();
        take_ended();
    }
    // Rows were trimmed, or came out of order: begin again.
    if (dirty_ || cleared || known_ != store_.requests().size()) rebuild();
    dirty_ = resort_ = false;
    merge();
    if (held_) {
        order_ = before;
        std::erase_if(order_, [this](RequestId id) { return store_.find_request(id) == nullptr; });
    }
    return order_ == before ? Change::kValues : Change::kOrder;
}

void RequestsPresenter::rebuild() {
    active_.clear();
    ended_.clear();
    finished_ = others_ = known_ = unsearched_ = 0;
    newest_ = kNoRequest;
    for (const auto& [id, row] : store_.requests()) {
        ++known_;
        newest_ = id;
        if (!row.ended()) {
            active_.push_back(id);
            continue;
        }
        ++(row.finish_reason == FinishReason::kStop || row.finish_reason == FinishReason::kLength ? finished_
                                                                                                  : others_);
        if (found(row)) ended_.push_back(entry(row));
    }
    std::sort(ended_.begin(), ended_.end(), [this](const Entry& a, const Entry& b) { return before(a, b); });
}

/// In another order, and not searched anew: those found by a prompt that has gone since stay found.
void RequestsPresenter::sort_ended() {
    for (Entry& ended : ended_)
        if (const RequestRow* row = store_.find_request(ended.id)) ended = entry(*row);
    std::sort(ended_.begin(), ended_.end(), [this](const Entry& a, const Entry& b) { return before(a, b); });
}

void RequestsPresenter::take_new() {
    for (auto it = store_.requests().upper_bound(newest_); it != store_.requests().end(); ++it) {
        active_.push_back(it->first);
        newest_ = it->first;
        ++known_;
    }
}

void RequestsPresenter::take_ended() {
    std::erase_if(active_, [this](RequestId id) {
        const RequestRow* row = store_.find_request(id);
        if (!row) return true;
        if (row->ended()) end(*row);
        return row->ended();
    });
}

void RequestsPresenter::end(const RequestRow& row) {
    ++(row.finish_reason == FinishReason::kStop || row.finish_reason == FinishReason::kLength ? finished_
                                                                                              : others_);
    if (!found(row)) return;
    const Entry added = entry(row);
    const auto at = std::lower_bound(ended_.begin(), ended_.end(), added,
                                     [this](const Entry& a, const Entry& b) { return before(a, b); });
    ended_.insert(at, added);
}

/// Asked once of each request that ended, and again when the filter changes or rows are trimmed.
bool RequestsPresenter::found(const RequestRow& ended) {
    const bool match = matches(ended);
    unsearched_ += !match && ended.folded;
    return match;
}

RequestsPresenter::Entry RequestsPresenter::entry(const RequestRow& row) const {
    if (sort_) return {row.id, sort_value(row, *sort_)};
    const bool runs = row.state == RequestState::kPrefill || row.state == RequestState::kDecode;
    return {row.id, runs ? 1.0 : 0.0};
}

/// A total order: what has no value yet comes last, equals by number, the newest first.
bool RequestsPresenter::before(const Entry& a, const Entry& b) const {
    const bool a_known = !std::isnan(a.key), b_known = !std::isnan(b.key);
    if (a_known != b_known) return a_known;
    if (a_known && a.key != b.key) return descending_ ? a.key > b.key : a.key < b.key;
    return raw(a.id) > raw(b.id);
}

void RequestsPresenter::merge() {
    std::vector<Entry> active;
    running_ = waiting_ = 0;
    for (const RequestId id : active_) {
        const RequestRow* row = store_.find_request(id);
        if (!row) continue;
        ++(row->state == RequestState::kWaiting || row->state == RequestState::kPreempted ? waiting_
                                                                                          : running_);
        if (matches(*row)) active.push_back(entry(*row));
    }
    const auto by_order = [this](const Entry& a, const Entry& b) { return before(a, b); };
    std::sort(active.begin(), active.end(), by_order);
    order_.reserve(active.size() + ended_.size());
    auto next = ended_.begin();
    for (const Entry& e : active) {
        if (sort_)
            for (; next != ended_.end() && before(*next, e); ++next) order_.push_back(next->id);
        order_.push_back(e.id);
    }
    for (; next != ended_.end(); ++next) order_.push_back(next->id);
}

bool RequestsPresenter::matches(const RequestRow& row) const {
    if (words_.empty()) return true;
    const auto text = [&](telemetry::DictionaryKind kind, uint32_t id) {
        const std::string_view bytes = store_.text(kind, id);
        return QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size()));
    };
    const QString all = format_request(raw(row.id)) + u' ' +
                        (row.ended() ? QStringLiteral("ended ") : QStringLiteral("running ")) +
                        state_text(row) + u' ' +
                        text(telemetry::DictionaryKind::kRequestClass, row.request_class) + u' ' +
                        text(telemetry::DictionaryKind::kPrompt, raw(row.id));
    return std::all_of(words_.begin(), words_.end(),
                       [&](const QString& word) { return all.contains(word, Qt::CaseInsensitive); });
}

int RequestsPresenter::row_of(RequestId request) const {
    const auto it = std::find(order_.begin(), order_.end(), request);
    return it == order_.end() ? -1 : static_cast<int>(it - order_.begin());
}

RequestId RequestsPresenter::moved(RequestId from, int by) const {
    if (order_.empty()) return kNoRequest;
    const int at = row_of(from);
    if (at < 0) return order_.front();
    return order_[static_cast<size_t>(std::clamp(at + by, 0, static_cast<int>(order_.size()) - 1))];
}

int64_t RequestsPresenter::longest_ns(int first_row, int last_row) const {
    int64_t longest = 1;
    for (int r = std::max(0, first_row); r <= last_row && r < static_cast<int>(order_.size()); ++r)
        if (const RequestRow* row = store_.find_request(order_[static_cast<size_t>(r)]))
            longest = std::max(longest, cause_total_ns(*row));
    return longest;
}

QString RequestsPresenter::scope() const {
    const auto count = [](size_t n) { return format_count(static_cast<int64_t>(n)); };
    QString text = QStringLiteral("%1 running, %2 waiting, %3 finished")
                       .arg(count(running_), count(waiting_), count(finished_));
    if (others_) text += QStringLiteral(", %1 ended early").arg(count(others_));
    if (!words_.empty()) text += QStringLiteral("; %1 match").arg(count(order_.size()));
    return text;
}

/// A filter's count is what one looks for; those that ended are in the table's length.
QStringList RequestsPresenter::shorter_scopes() const {
    const auto count = [](size_t n) { return format_count(static_cast<int64_t>(n)); };
    if (!words_.empty()) return {QStringLiteral("%1 match").arg(count(order_.size()))};
    return {QStringLiteral("%1 running, %2 waiting").arg(count(running_), count(waiting_)),
            QStringLiteral("%1 run, %2 wait").arg(count(running_), count(waiting_))};
}

QString RequestsPresenter::unsearched_note() const {
    if (unsearched_ == 0) return {};
    const QString count = format_count(static_cast<int64_t>(unsearched_));
    return unsearched_ == 1
               ? QStringLiteral("The prompt of %1 older request is no longer in memory and is not searched")
                     .arg(count)
               : QStringLiteral(
                     "The prompts of %1 older requests are no longer in memory and are not searched")
                     .arg(count);
}

QString RequestsPresenter::csv() const {
    QString out = csv_header();
    for (const RequestId id : order_)
        if (const RequestRow* row = store_.find_request(id)) out += csv_line(*row, store_);
    return out;
}

}  // namespace pitwall::panels
