// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_host.h"

#include <imgui.h>

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <chrono>
#include <utility>

namespace pitwall::panels {

namespace {

constexpr std::pair<int, int> kKeys[] = {{ImGuiKey_Tab, Qt::Key_Tab},
                                         {ImGuiKey_LeftArrow, Qt::Key_Left},
                                         {ImGuiKey_RightArrow, Qt::Key_Right},
                                         {ImGuiKey_UpArrow, Qt::Key_Up},
                                         {ImGuiKey_DownArrow, Qt::Key_Down},
                                         {ImGuiKey_PageUp, Qt::Key_PageUp},
                                         {ImGuiKey_PageDown, Qt::Key_PageDown},
                                         {ImGuiKey_Home, Qt::Key_Home},
                                         {ImGuiKey_End, Qt::Key_End},
                                         {ImGuiKey_Insert, Qt::Key_Insert},
                                         {ImGuiKey_Delete, Qt::Key_Delete},
                                         {ImGuiKey_Backspace, Qt::Key_Backspace},
                                         {ImGuiKey_Space, Qt::Key_Space},
                                         {ImGuiKey_Enter, Qt::Key_Return},
                                         {ImGuiKey_KeyPadEnter, Qt::Key_Enter},
                                         {ImGuiKey_Escape, Qt::Key_Escape},
                                         {ImGuiKey_A, Qt::Key_A},
                                         {ImGuiKey_C, Qt::Key_C},
                                         {ImGuiKey_V, Qt::Key_V},
                                         {ImGuiKey_X, Qt::Key_X},
                                         {ImGuiKey_Y, Qt::Key_Y},
                                         {ImGuiKey_Z, Qt::Key_Z}};

/// Qt's key codes folded into ImGui's 512 slots: printable ones as they are, the named ones (0x01000000 on)
/// above.
int key_slot(int key) { return key < 0x100 ? key : 0x100 + (key & 0xff); }

int button_slot(Qt::MouseButton button) {
    return button == Qt::LeftButton ? 0 : button == Qt::RightButton ? 1 : button == Qt::MiddleButton ? 2 : -1;
}

int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

ImVec2 to_imgui(QPointF p) { return {float(p.x()), float(p.y())}; }

}  // namespace

/// Makes a context the current one while it lives: there is one context a widget.
class ImGuiHost::Scope {
  public:
    explicit Scope(ImGuiContext* context) : saved_(ImGui::GetCurrentContext()) {
        ImGui::SetCurrentContext(context);
    }
    ~Scope() { ImGui::SetCurrentContext(saved_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

  private:
    ImGuiContext* saved_;
};

ImGuiHost::ImGuiHost(Theme* theme, QWidget* parent) : QWidget(parent), theme_(theme) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    set_up_context();
    connect(theme_, &Theme::changed, this, qOverload<>(&QWidget::update));
}

ImGuiHost::~ImGuiHost() { ImGui::DestroyContext(context_); }

void ImGuiHost::set_up_context() {
    ImGuiContext* const before = ImGui::GetCurrentContext();
    context_ = ImGui::CreateContext();
    ImGui::SetCurrentContext(before);
    const Scope scope(context_);
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendPlatformName = "qt";
    io.BackendRendererName = "cpu image";
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    for (const auto& [imgui_key, qt_key] : kKeys) io.KeyMap[imgui_key] = key_slot(qt_key);
    ImGuiStyle& style = ImGui::GetStyle();
    style.WindowPadding = {0, 0};
    style.WindowBorderSize = 0;
    style.AntiAliasedLines = style.AntiAliasedFill = false;  // upright rectangles stay on the quick path
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
    font_.resize(width, height);
    for (size_t i = 0; i < size_t(width) * size_t(height); ++i)
        font_.texels()[i] = uint32_t(pixels[i]) << 24 | 0xffffffu;
    io.Fonts->SetTexID(font_.id());
}

void ImGuiHost::take_mouse(const QMouseEvent& event) {
    input_.position = event.position();
    input_.modifiers = event.modifiers();
    const int slot = button_slot(event.button());
    if (slot >= 0 && event.type() != QEvent::MouseMove) {
        const bool down =
            event.type() != QEvent::MouseButtonRelease;  // a double click comes instead of a second press
        input_.down[size_t(slot)] = down;
        if (down) {
            input_.just[size_t(slot)] = true;
            input_.pressed_at = event.position();
        }
    }
    update();
}

bool ImGuiHost::take_key(const QKeyEvent& event, bool down) {
    const auto slot = static_cast<size_t>(key_slot(event.key())) % input_.keys.size();
    input_.keys[slot] = down;
    if (down) input_.keys_just[slot] = true;
    if (down) input_.text += event.text();
    input_.modifiers = event.modifiers();
    update();
    return false;  // shortcuts of the window still see it
}

bool ImGuiHost::event(QEvent* event) {
    switch (event->type()) {
        case QEvent::MouseButtonPress:
        case QEvent::MouseButtonDblClick:
        case QEvent::MouseButtonRelease:
        case QEvent::MouseMove:
            take_mouse(*static_cast<QMouseEvent*>(event));
            break;
        case QEvent::Leave:
            input_.position = QPointF(-1e30, -1e30);
            update();
            break;
        case QEvent::Wheel: {
            const auto* wheel = static_cast<QWheelEvent*>(event);
            input_.position = wheel->position();
            input_.modifiers = wheel->modifiers();
            input_.wheel += wheel->angleDelta().y() / 120.0;
            input_.wheel_across += wheel->angleDelta().x() / 120.0;
            update();
            event->accept();
            return true;
        }
        case QEvent::KeyPress:
            take_key(*static_cast<QKeyEvent*>(event), true);
            break;
        case QEvent::KeyRelease:
            take_key(*static_cast<QKeyEvent*>(event), false);
            break;
        case QEvent::FocusOut:
            input_.keys.fill(false);
            input_.down.fill(false);
            break;
        default:
            break;
    }
    return QWidget::event(event);
}

bool ImGuiHost::give_input() {
    ImGuiIO& io = ImGui::GetIO();
    bool again = false, held_press = false;
    for (size_t b = 0; b < input_.down.size(); ++b) {
        io.MouseDown[b] = input_.down[b] || input_.just[b];
        again |= input_.just[b] && !input_.down[b];
        held_press |= input_.just[b];
    }
    // A click counts where it was pressed, even when the pointer went on before the frame came.
    io.MousePos = input_.position.x() < -1e29 && !held_press
                      ? ImVec2(-FLT_MAX, -FLT_MAX)
                      : to_imgui(held_press ? input_.pressed_at : input_.position);
    again |= held_press && input_.pressed_at != input_.position;
    for (size_t k = 0; k < input_.keys.size(); ++k) {
        io.KeysDown[k] = input_.keys[k] || input_.keys_just[k];
        again |= input_.keys_just[k] && !input_.keys[k];
    }
    io.MouseWheel = float(std::exchange(input_.wheel, 0));
    io.MouseWheelH = float(std::exchange(input_.wheel_across, 0));
    io.KeyCtrl = input_.modifiers.testFlag(Qt::ControlModifier);
    io.KeyShift = input_.modifiers.testFlag(Qt::ShiftModifier);
    io.KeyAlt = input_.modifiers.testFlag(Qt::AltModifier);
    if (!input_.text.isEmpty())
        io.AddInputCharactersUTF8(std::exchange(input_.text, {}).toUtf8().constData());
    input_.just.fill(false);
    input_.keys_just.fill(false);
    return again;
}

void ImGuiHost::run_frame() {
    const Scope scope(context_);
    ImGuiIO& io = ImGui::GetIO();
    const double ratio = devicePixelRatioF();
    const int64_t now = steady_ns();
    io.DisplaySize = {float(width()), float(height())};
    io.DisplayFramebufferScale = {float(ratio), float(ratio)};
    io.DeltaTime = std::clamp(float(now - last_start_ns_) / 1e9f, 1e-4f, 0.25f);
    last_start_ns_ = now;
    const bool again = give_input();
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
    const QSize pixels = (QSizeF(size()) * ratio).toSize();
    if (image_.size() != pixels) image_ = QImage(pixels, QImage::Format_RGB32);
    image_.setDevicePixelRatio(1);
    image_.fill(background());
    rasterise(*ImGui::GetDrawData(), ratio, image_);
    image_.setDevicePixelRatio(ratio);
    last_frame_ns_ = steady_ns() - now;
    ++frames_;
    if (again) QMetaObject::invokeMethod(this, qOverload<>(&QWidget::update), Qt::QueuedConnection);
}

void ImGuiHost::paintEvent(QPaintEvent* /*event*/) {
    if (width() <= 0 || height() <= 0) return;
    run_frame();
    QPainter painter(this);
    painter.drawImage(0, 0, image_);
    paint_over(painter);
}

}  // namespace pitwall::panels
