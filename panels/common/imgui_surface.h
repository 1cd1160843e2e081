// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the picture of an ImGuiHost reaches the screen. The host knows what to draw and when; a surface knows on what.
#pragma once

#include <QColor>
#include <QSize>
#include <functional>
#include <memory>

class QPainter;
class QWidget;
struct ImDrawData;
struct ImGuiContext;

namespace pitwall::panels {

/// Makes an ImGui context the current one while it lives: there is one context a widget.
class ImGuiScope {
  public:
    explicit ImGuiScope(ImGuiContext* context);
    ~ImGuiScope();
    ImGuiScope(const ImGuiScope&) = delete;
    ImGuiScope& operator=(const ImGuiScope&) = delete;

  private:
    ImGuiContext* saved_;
};

/// What a surface works for; all of it outlives the surface.
struct ImGuiSurfaceOwner {
    QWidget* widget;
    ImGuiContext* context;
    std::function<void(QPainter&)> paint_over;  ///< text, cards and outlines, over the picture
};

class ImGuiSurface {
  public:
    virtual ~ImGuiSurface() = default;
    /// Both in the widget's paint event, one after the other, with the context current. Every ImTextureID in
    /// `data` is an ImGuiTexture or null; the data are logical pixels, `scale` device pixels each.
    virtual void draw(ImDrawData& data, QColor background, double scale) = 0;
    virtual void show() = 0;
    virtual void resize(QSize /*logical*/) {}
};

/// Draws with the CPU rasteriser into an image that the widget paints.
std::unique_ptr<ImGuiSurface> make_image_surface(ImGuiSurfaceOwner owner);

}  // namespace pitwall::panels
