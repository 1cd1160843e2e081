// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/common/panel.h"
#include "panels/common/widgets.h"
#include "panels/kv_block_map/kv_map_view.h"

namespace pitwall::panels {

/// Every block of the KV pool as a cell: what state it is in, whose it is, how old, how full, in which
/// format.
class KvBlockMapPanel : public Panel {
    Q_OBJECT
  public:
    explicit KvBlockMapPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("kv_block_map"); }
    QString title() const override { return QStringLiteral("KV block map"); }
    QString scope() const override { return scope_; }
    QStringList shorter_scopes() const override { return presenter_.shorter_scopes(); }
    int refresh_hz() const override { return 10; }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return modes_; }

    KvBlockMapPresenter& presenter() { return presenter_; }
    KvMapView* view() { return view_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    void take_theme();

    KvBlockMapPresenter presenter_;
    KvMapView* view_;
    SegmentedControl* modes_;
    EmptyState* empty_;
    QString scope_;
};

}  // namespace pitwall::panels
