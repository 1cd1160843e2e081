// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QPointF>
#include <QWidget>
#include <array>
#include <memory>

#include "panels/common/imgui_raster.h"
#include "panels/common/theme.h"

struct ImGuiContext;

namespace pitwall::panels {

/// A widget whose dense part is drawn by Dear ImGui, through an image and no GL. Derive, draw rectangles and
/// textures in draw_imgui(), and text in paint_over(). Call update() when there is something new; input does
/// so by itself.
///
/// ImGui 1.86 samples the input once a frame, so a press and its release between two frames are held for one
/// frame.
class ImGuiHost : public QWidget {
    Q_OBJECT
  public:
    explicit ImGuiHost(Theme* theme, QWidget* parent = nullptr);
    ~ImGuiHost() override;

    uint64_t frames() const { return frames_; }               ///< drawn so far
    int64_t last_frame_ns() const { return last_frame_ns_; }  ///< ImGui and rasteriser together

  protected:
    /// Inside one borderless ImGui window that fills the widget, origin (0, 0), logical pixels. This widget's
    /// context is current.
    virtual void draw_imgui() = 0;
    /// After it, over the image: text, cards, outlines.
    virtual void paint_over(QPainter& /*painter*/) {}
    virtual QColor background() const { return theme_->color("bg.panel"); }
    const Theme& theme() const { return *theme_; }

    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    struct Input {
        QPointF position{-1e30, -1e30}, pressed_at;
        std::array<bool, 3> down{}, just{};  ///< left, right, middle; `just` until a frame has seen the press
        double wheel = 0, wheel_across = 0;
        std::array<bool, 512> keys{}, keys_just{};
        Qt::KeyboardModifiers modifiers;
        QString text;
    };
    class Scope;

    void set_up_context();
    void take_mouse(const QMouseEvent& event);
    bool take_key(const QKeyEvent& event, bool down);
    bool give_input();  ///< to ImGui; true when a held press needs one more frame
    void run_frame();

    Theme* theme_;
    ImGuiContext* context_ = nullptr;
    ImGuiTexture font_;
    Input input_;
    QImage image_;
    uint64_t frames_ = 0;
    int64_t last_frame_ns_ = 0, last_start_ns_ = 0;
};

}  // namespace pitwall::panels
