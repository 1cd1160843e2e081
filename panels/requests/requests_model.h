// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "panels/requests/requests_presenter.h"

namespace pitwall::panels {

/// The presenter's rows as Qt's views want them. Tells a view exactly which rows came, went and moved.
class RequestsModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    explicit RequestsModel(const RequestsPresenter& presenter, QObject* parent = nullptr)
        : QAbstractTableModel(parent), presenter_(presenter) {}

    /// After a refresh of the presenter.
    void follow(RequestsPresenter::Change change);
    RequestId id_at(int row) const;
    const telemetry::RequestRow* request_at(int row) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

  private:
    void remove_missing(const std::vector<RequestId>& next);
    void reorder(const std::vector<RequestId>& next);
    void insert_new(const std::vector<RequestId>& next);

    const RequestsPresenter& presenter_;
    std::vector<RequestId> rows_;
};

}  // namespace pitwall::panels
