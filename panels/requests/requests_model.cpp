// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/requests_model.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace pitwall::panels {
namespace {

constexpr size_t kManyChanges = 2000;  // a new filter or order: cheaper told as a reset than row by row

using Ids = std::vector<RequestId>;

/// [begin, end) of `a` and of `b` in which they differ; what is equal at both ends is not looked at again.
struct Middle {
    size_t begin = 0, a_end, b_end;
    Middle(const Ids& a, const Ids& b) : a_end(a.size()), b_end(b.size()) {
        while (begin < a_end && begin < b_end && a[begin] == b[begin]) ++begin;
        while (a_end > begin && b_end > begin && a[a_end - 1] == b[b_end - 1]) --a_end, --b_end;
    }
};

}  // namespace

void RequestsModel::follow(RequestsPresenter::Change change) {
    if (change == RequestsPresenter::Change::kNothing) return;
    const Ids& next = presenter_.order();
    if (rows_ != next) {
        const Middle middle(rows_, next);
        if (middle.a_end - middle.begin + middle.b_end - middle.begin > kManyChanges) {
            beginResetModel();
            rows_ = next;
            endResetModel();
            return;
        }
        remove_missing(next);
        reorder(next);
        insert_new(next);
    }
    if (!rows_.empty())
        emit dataChanged(index(0, 0), index(static_cast<int>(rows_.size()) - 1, kRequestColumns - 1));
}

void RequestsModel::remove_missing(const Ids& next) {
    const Middle middle(rows_, next);
    const std::unordered_set<RequestId> kept(next.begin() + static_cast<std::ptrdiff_t>(middle.begin),
                                             next.begin() + static_cast<std::ptrdiff_t>(middle.b_end));
    for (size_t end = middle.a_end; end > middle.begin;) {
        if (kept.contains(rows_[end - 1])) {
            --end;
            continue;
        }
        size_t begin = end - 1;
        while (begin > middle.begin && !kept.contains(rows_[begin - 1])) --begin;
        beginRemoveRows({}, static_cast<int>(begin), static_cast<int>(end) - 1);
        rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                    rows_.begin() + static_cast<std::ptrdiff_t>(end));
        endRemoveRows();
        end = begin;
    }
}

/// Puts the rows that stay into the order that they have in `next`.
void RequestsModel::reorder(const Ids& next) {
    const Middle middle(rows_, next);
    std::unordered_map<RequestId, size_t> place;
    for (size_t i = middle.begin; i < middle.b_end; ++i) place.emplace(next[i], i);
    const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(middle.begin);
    const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(middle.a_end);
    const auto by_place = [&](RequestId a, RequestId b) { return place.at(a) < place.at(b); };
    if (std::is_sorted(begin, end, by_place)) return;
    emit layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
    const QModelIndexList old = persistentIndexList();
    std::vector<RequestId> ids;
    for (const QModelIndex& index : old) ids.push_back(id_at(index.row()));
    std::sort(begin, end, by_place);
    std::unordered_map<RequestId, int> row;
    for (size_t i = 0; i < rows_.size(); ++i) row.emplace(rows_[i], static_cast<int>(i));
    QModelIndexList moved;
    for (qsizetype i = 0; i < old.size(); ++i)
        moved << index(row.at(ids[static_cast<size_t>(i)]), old[i].column());
    changePersistentIndexList(old, moved);
    emit layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

void RequestsModel::insert_new(const Ids& next) {
    const Middle middle(rows_, next);
    const std::unordered_set<RequestId> known(rows_.begin() + static_cast<std::ptrdiff_t>(middle.begin),
                                              rows_.begin() + static_cast<std::ptrdiff_t>(middle.a_end));
    for (size_t begin = middle.begin; begin < middle.b_end;) {
        if (known.contains(next[begin])) {
            ++begin;
            continue;
        }
        size_t end = begin + 1;
        while (end < middle.b_end && !known.contains(next[end])) ++end;
        beginInsertRows({}, static_cast<int>(begin), static_cast<int>(end) - 1);
        rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                     next.begin() + static_cast<std::ptrdiff_t>(begin),
                     next.begin() + static_cast<std::ptrdiff_t>(end));
        endInsertRows();
        begin = end;
    }
}

RequestId RequestsModel::id_at(int row) const {
    return row >= 0 && row < static_cast<int>(rows_.size()) ? rows_[static_cast<size_t>(row)] : kNoRequest;
}

const telemetry::RequestRow* RequestsModel::request_at(int row) const { return presenter_.row(id_at(row)); }

int RequestsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}
int RequestsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kRequestColumns;
}

QVariant RequestsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.column() >= kRequestColumns) return {};
    const auto column = static_cast<RequestColumn>(index.column());
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(
            Qt::Alignment(Qt::AlignVCenter | (is_number(column) ? Qt::AlignRight : Qt::AlignLeft)));
    const telemetry::RequestRow* row = request_at(index.row());
    if (!row) return {};
    if (role == Qt::DisplayRole) return cell_text(*row, column);
    if (role != Qt::ToolTipRole) return {};
    if (column == RequestColumn::kCauses) return cause_table(*row);
    if (column == RequestColumn::kState && !row->error.empty()) return QString::fromStdString(row->error);
    return column_help(column);
}

QVariant RequestsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= kRequestColumns) return {};
    const auto column = static_cast<RequestColumn>(section);
    if (role == Qt::DisplayRole) return column_title(column);
    if (role == Qt::ToolTipRole) return column_help(column) + QStringLiteral(". Click sorts");
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(
            Qt::Alignment(Qt::AlignVCenter | (is_number(column) ? Qt::AlignRight : Qt::AlignLeft)));
    return {};
}

}  // namespace pitwall::panels
