// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_host.h"

#include <imgui.h>

#include <QEvent>
#include <QGuiApplication>
#include <QMetaObject>
#include <algorithm>
#include <chrono>
#include <utility>

#include "panels/common/imgui_gl_surface.h"

namespace pitwall::panels {

namespace {

int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::unique_ptr<ImGuiSurface> make_surface(ImGuiDrawer drawer, ImGuiSurfaceOwner owner) {
    const bool held = platform_holds_opengl(QGuiApplication::platformName());
    return drawer == ImGuiDrawer::kOpenGl && held ? make_gl_surface(std::move(owner))
                                                  : make_image_surface(std::move(owner));
}

}  // namespace

ImGuiHost::ImGuiHost(Theme* theme, ImGuiDrawer drawer, QWidget* parent) : QWidget(parent), theme_(theme) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    set_up_context();
    surface_ = make_surface(drawer, {this, context_, [this](QPainter& painter) { paint_over(painter); }});
    connect(theme_, &Theme::changed, this, qOverload<>(&QWidget::update));
}

ImGuiHost::~ImGuiHost() {
    surface_.reset();  // it gives back what it keeps in the context
    ImGui::DestroyContext(context_);
}

void ImGuiHost::set_up_context() {
    ImGuiContext* const before = ImGui::GetCurrentContext();
    context_ = ImGui::CreateContext();
    ImGui::SetCurrentContext(before);
    const ImGuiScope scope(context_);
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendPlatformName = "qt";
    ImGuiInput::name_keys(io);
    ImGuiStyle& style = ImGui::GetStyle();
    style.WindowPadding = {0, 0};
    style.WindowBorderSize = 0;
    style.AntiAliasedLines = style.AntiAliasedFill = false;  // upright rectangles stay on the quick path
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
    font_.resize(width, height);
    uint32_t* const texels = font_.texels();
    for (size_t i = 0; i < size_t(width) * size_t(height); ++i)
        texels[i] = uint32_t(pixels[i]) << 24 | 0xffffffu;
    io.Fonts->SetTexID(font_.id());
}

bool ImGuiHost::event(QEvent* event) {
    if (input_.take(*event)) update();
    if (event->type() == QEvent::Resize) surface_->resize(size());
    if (event->type() != QEvent::Wheel) return QWidget::event(event);
    event->accept();
    return true;
}

bool ImGuiHost::build_frame(double scale) {
    ImGuiIO& io = ImGui::GetIO();
    const int64_t now = steady_ns();
    io.DisplaySize = {float(width()), float(height())};
    io.DisplayFramebufferScale = {float(scale), float(scale)};
    io.DeltaTime = std::clamp(float(now - last_start_ns_) / 1e9f, 1e-4f, 0.25f);
    last_start_ns_ = now;
    const bool again = input_.give(io);
    ImGui::NewFrame();
    ImGui::SetNextWindowPos({0, 0});
    ImGui::SetNextWindowSize(io.DisplaySize);
    ImGui::Begin("host", nullptr,
                 ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoBackground |
                     ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoBringToFrontOnFocus |
                     ImGuiWindowFlags_NoScrollWithMouse | ImGuiWindowFlags_NoNav);
    draw_imgui();
    ImGui::End();
    ImGui::Render();
    return again;
}

void ImGuiHost::paintEvent(QPaintEvent* /*event*/) {
    if (width() <= 0 || height() <= 0) return;
    const ImGuiScope scope(context_);
    const double scale = devicePixelRatioF();
    const bool again = build_frame(scale);
    surface_->draw(*ImGui::GetDrawData(), background(), scale);
    last_frame_ns_ = steady_ns() - last_start_ns_;
    ++frames_;
    surface_->show();
    if (again) QMetaObject::invokeMethod(this, qOverload<>(&QWidget::update), Qt::QueuedConnection);
}

}  // namespace pitwall::panels
