// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <future>

#include "panels/changes/changes_presenter.h"
#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"

class QScrollArea;
class QLabel;

namespace pitwall::panels {

class ChangesList;

/// What hands did in this session, with what came of it. Click or Enter: statistics since that change. Z undoes it.
class ChangesPanel : public Panel {
    Q_OBJECT
  public:
    explicit ChangesPanel(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("changes"); }
    QString title() const override { return QStringLiteral("Changes"); }
    QString scope() const override { return presenter_.scope(); }
    int refresh_hz() const override { return 10; }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    const ChangesPresenter& presenter() const { return presenter_; }
    ChangesList* list() const { return list_; }

  private:
    void recompute();
    void go_to(uint32_t number);
    void undo(uint32_t number);

    ChangesPresenter presenter_;
    RefreshGate gate_;
    ChangesList* list_;
    QScrollArea* scroll_;
    QLabel* empty_;
    bool follow_ = true;
};

/// Paints the rows; keyboard and mouse move a current one.
class ChangesList : public QWidget {
    Q_OBJECT
  public:
    explicit ChangesList(Theme* theme, QWidget* parent = nullptr);
    void show_rows(const std::vector<ChangeRowView>& rows);
    uint32_t current() const { return current_; }
    void set_undo_allowed(bool allowed) { undo_allowed_ = allowed; }
    QSize sizeHint() const override;

  signals:
    void chosen(uint32_t number);
    void undone(uint32_t number);
    void current_moved(int top, int height);

  protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    bool wide() const;
    int row_height() const;
    int index_at(double y) const;
    int current_index() const;
    void move_to(int index);
    void draw_row(QPainter& painter, const ChangeRowView& row, double top) const;
    void draw_figure(QPainter& painter, const ChangeRowView& row, double baseline) const;
    void draw_doubt(QPainter& painter, const ChangeRowView& row, double left, double baseline) const;

    Theme* theme_;
    std::vector<ChangeRowView> rows_;
    uint32_t current_ = 0;
    int hovered_ = -1;
    bool undo_allowed_ = true;
};

}  // namespace pitwall::panels
