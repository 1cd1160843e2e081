// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStackedWidget>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/widgets.h"
#include "panels/memory/memory_presenter.h"
#include "panels/memory/session_view.h"
#include "panels/memory/shapes_presenter.h"
#include "panels/memory/shapes_view.h"

namespace pitwall::panels {

/// Where the memory goes: of this session as it was measured, and of other models as arithmetic has it.
class MemoryPanel : public Panel {
    Q_OBJECT
  public:
    enum Page { kSession, kShapes };
    explicit MemoryPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("memory"); }
    QString title() const override { return QStringLiteral("Memory"); }
    QString scope() const override;
    QStringList shorter_scopes() const override;
    void refresh() override;
    QString csv() const override;
    QWidget* title_control() override { return pages_; }

    Page page() const { return Page(pages_->current()); }
    const MemoryPresenter& presenter() const { return presenter_; }
    SessionView* session() { return session_; }
    ShapesView* shapes() { return shapes_; }

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void recompute();

    MemoryPresenter presenter_;
    ShapesPresenter modelled_;
    RefreshGate gate_;
    SegmentedControl* pages_;
    QStackedWidget* stack_;
    SessionView* session_;
    ShapesView* shapes_;
    EmptyState* empty_;
    QString shown_scope_;
};

}  // namespace pitwall::panels
