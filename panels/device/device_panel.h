// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/common/panel.h"
#include "panels/common/part_bar.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/table_pair.h"
#include "panels/common/widgets.h"
#include "panels/device/device_presenter.h"

namespace pitwall::panels {

/// Where a step's milliseconds go, kernel by kernel, and how the device is.
class DevicePanel : public Panel {
    Q_OBJECT
  public:
    explicit DevicePanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("device"); }
    QString title() const override { return QStringLiteral("Device"); }
    QString scope() const override { return presenter_.scope(); }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }

    const DevicePresenter& presenter() const { return presenter_; }
    PartBar* bar() { return bar_; }
    ValueTable* parts() { return tables_->first(); }
    ValueTable* readings() { return tables_->second(); }

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void recompute();
    std::vector<PartBar::Part> bar_parts() const;

    DevicePresenter presenter_;
    RefreshGate gate_;
    QWidget* content_;
    PartBar* bar_;
    TablePair* tables_;
    EmptyState* empty_;
    QString shown_scope_;
};

}  // namespace pitwall::panels
