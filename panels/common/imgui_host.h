// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>

#include "panels/common/imgui_input.h"
#include "panels/common/imgui_raster.h"
#include "panels/common/imgui_surface.h"
#include "panels/common/opengl.h"
#include "panels/common/theme.h"

namespace pitwall::panels {

/// A widget whose dense part is drawn by Dear ImGui, on whichever surface it was given. Derive, draw rectangles
/// and textures in draw_imgui(), and text in paint_over(). Call update() when there is something new; input
/// does so by itself.
class ImGuiHost : public QWidget {
    Q_OBJECT
  public:
    /// On the image instead where the platform holds no OpenGL, whatever was asked for.
    explicit ImGuiHost(Theme* theme, ImGuiDrawer drawer = ImGuiDrawer::kImage, QWidget* parent = nullptr);
    ~ImGuiHost() override;

    uint64_t frames() const { return frames_; }               ///< drawn so far
    int64_t last_frame_ns() const { return last_frame_ns_; }  ///< ImGui and the surface's drawing together

  protected:
    /// Inside one borderless ImGui window that fills the widget, origin (0, 0), logical pixels. This widget's
    /// context is current.
    virtual void draw_imgui() = 0;
    /// After it, over the picture: text, cards, outlines.
    virtual void paint_over(QPainter& /*painter*/) {}
    virtual QColor background() const { return theme_->color("bg.panel"); }
    const Theme& theme() const { return *theme_; }

    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    void set_up_context();
    bool build_frame(double scale);  ///< true when input that is held back needs one more

    Theme* theme_;
    ImGuiContext* context_ = nullptr;
    ImGuiTexture font_;
    ImGuiInput input_;
    std::unique_ptr<ImGuiSurface> surface_;
    uint64_t frames_ = 0;
    int64_t last_frame_ns_ = 0, last_start_ns_ = 0;
};

}  // namespace pitwall::panels
