// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include "panels/common/imgui_host.h"
#include "panels/common/panel.h"
#include "panels/kv_block_map/kv_block_map_presenter.h"

namespace pitwall::panels {

/// Draws what the presenter worked out and turns pointer and keys into selections: blocks as one texture,
/// outlines as ImGui rectangles, words by QPainter over it.
class KvMapView : public ImGuiHost {
    Q_OBJECT
  public:
    KvMapView(const PanelContext& context, KvBlockMapPresenter& presenter, QWidget* parent);
    /// Shows what the presenter has; call after each of its refreshes.
    void show_frame();

  signals:
    void moved();  ///< zoomed or panned: the presenter wants a refresh

  protected:
    void draw_imgui() override;
    void paint_over(QPainter& painter) override;
    bool event(QEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    void take_pixels();
    void hover(std::optional<BlockId> block);
    void select(BlockId block, bool whole_table);
    bool wheel(const QWheelEvent& event);
    void move_cursor(int columns, int rows);
    bool key(const QKeyEvent& event);
    std::optional<BlockId> card_block() const;
    void paint_summary(QPainter& painter);
    void paint_line_summary(QPainter& painter);
    double paint_legend(QPainter& painter, double y);
    void paint_shares(QPainter& painter, double y);

    PanelContext context_;
    KvBlockMapPresenter& presenter_;
    ImGuiTexture texture_;
    uint64_t texture_frame_ = 0;
    std::optional<BlockId> hovered_, card_, pinned_;
    BlockId cursor_ = kNoBlock;  ///< of the keyboard
    QPoint pressed_at_, dragged_to_;
    bool dragging_ = false;
    QTimer card_delay_;
};

}  // namespace pitwall::panels
