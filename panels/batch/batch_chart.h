// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <array>

#include "panels/batch/batch_presenter.h"
#include "panels/common/imgui_host.h"
#include "panels/common/panel.h"

namespace pitwall::panels {

/// Draws the presenter's bars with ImGui and its words with QPainter; turns pointer and keys into selections.
class BatchChart : public ImGuiHost {
    Q_OBJECT
  public:
    BatchChart(const PanelContext& context, BatchPresenter& presenter, QWidget* parent);
    /// After a refresh: another step may have come under the resting mouse.
    void look_again();

  signals:
    void moved();    ///< zoomed or panned: the presenter wants a refresh
    void read();     ///< the read-out is of another step
    void toggled();  ///< T: equal steps or true time

  protected:
    void draw_imgui() override;
    void paint_over(QPainter& painter) override;
    bool event(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    void take_theme();
    void draw_frame_lines();
    void draw_selection();
    void paint_gutter(QPainter& painter);
    void paint_lane_label(QPainter& painter);
    void paint_hover(QPainter& painter);
    void hover(QPoint at);
    bool wheel(const QWheelEvent& event);
    bool key(const QKeyEvent& event);
    bool in_lanes(QPoint at) const;

    PanelContext context_;
    BatchPresenter& presenter_;
    std::array<uint32_t, static_cast<size_t>(BatchRole::kCount)> colours_{};  ///< as ImGui packs them
    std::optional<StepId> hovered_;
    RequestId hovered_request_ = kNoRequest;
    QPoint pointer_{-1, -1}, pressed_at_, dragged_to_;
    bool dragging_ = false, card_ = false;
    QTimer card_delay_;
};

}  // namespace pitwall::panels
