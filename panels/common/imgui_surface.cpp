// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_surface.h"

#include <imgui.h>

#include <QImage>
#include <QPainter>
#include <QWidget>
#include <utility>

#include "panels/common/imgui_raster.h"

namespace pitwall::panels {

namespace {

class ImageSurface : public ImGuiSurface {
  public:
    explicit ImageSurface(ImGuiSurfaceOwner owner) : owner_(std::move(owner)) {
        const ImGuiScope scope(owner_.context);
        ImGuiIO& io = ImGui::GetIO();
        io.BackendRendererName = "cpu image";
        io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    }

    void draw(ImDrawData& data, QColor background, double scale) override {
        const QSize pixels = (QSizeF(owner_.widget->size()) * scale).toSize();
        if (image_.size() != pixels) image_ = QImage(pixels, QImage::Format_RGB32);
        image_.setDevicePixelRatio(1);
        image_.fill(background);
        rasterise(data, scale, image_);
        image_.setDevicePixelRatio(scale);
    }

    void show() override {
        QPainter painter(owner_.widget);
        painter.drawImage(0, 0, image_);
        owner_.paint_over(painter);
    }

  private:
    ImGuiSurfaceOwner owner_;
    QImage image_;
};

}  // namespace

ImGuiScope::ImGuiScope(ImGuiContext* context) : saved_(ImGui::GetCurrentContext()) {
    ImGui::SetCurrentContext(context);
}

ImGuiScope::~ImGuiScope() { ImGui::SetCurrentContext(saved_); }

std::unique_ptr<ImGuiSurface> make_image_surface(ImGuiSurfaceOwner owner) {
    return std::make_unique<ImageSurface>(std::move(owner));
}

}  // namespace pitwall::panels
