// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_input.h"

#include <imgui.h>

#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
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

ImVec2 to_imgui(QPointF p) { return {float(p.x()), float(p.y())}; }

}  // namespace

void ImGuiInput::name_keys(ImGuiIO& io) {
    for (const auto& [imgui_key, qt_key] : kKeys) io.KeyMap[imgui_key] = key_slot(qt_key);
}

bool ImGuiInput::take(const QEvent& event) {
    switch (event.type()) {
        case QEvent::MouseButtonPress:
        case QEvent::MouseButtonDblClick:
        case QEvent::MouseButtonRelease:
        case QEvent::MouseMove:
            take_mouse(static_cast<const QMouseEvent&>(event));
            return true;
        case QEvent::Leave:
            position_ = QPointF(-1e30, -1e30);
            return true;
        case QEvent::Wheel:
            take_wheel(static_cast<const QWheelEvent&>(event));
            return true;
        case QEvent::KeyPress:
        case QEvent::KeyRelease:
            take_key(static_cast<const QKeyEvent&>(event), event.type() == QEvent::KeyPress);
            return true;
        case QEvent::FocusOut:
            keys_.fill(false);
            down_.fill(false);
            return false;
        default:
            return false;
    }
}

void ImGuiInput::take_mouse(const QMouseEvent& event) {
    position_ = event.position();
    modifiers_ = event.modifiers();
    const int slot = button_slot(event.button());
    if (slot < 0 || event.type() == QEvent::MouseMove) return;
    const bool down =
        event.type() != QEvent::MouseButtonRelease;  // a double click comes instead of a second press
    down_[size_t(slot)] = down;
    if (!down) return;
    just_[size_t(slot)] = true;
    pressed_at_ = event.position();
}

void ImGuiInput::take_wheel(const QWheelEvent& event) {
    position_ = event.position();
    modifiers_ = event.modifiers();
    wheel_ += event.angleDelta().y() / 120.0;
    wheel_across_ += event.angleDelta().x() / 120.0;
}

void ImGuiInput::take_key(const QKeyEvent& event, bool down) {
    const auto slot = static_cast<size_t>(key_slot(event.key())) % keys_.size();
    keys_[slot] = down;
    if (down) keys_just_[slot] = true;
    if (down) text_ += event.text();
    modifiers_ = event.modifiers();
}

bool ImGuiInput::give_mouse(ImGuiIO& io) {
    bool again = false, held_press = false;
    for (size_t b = 0; b < down_.size(); ++b) {
        io.MouseDown[b] = down_[b] || just_[b];
        again |= just_[b] && !down_[b];
        held_press |= just_[b];
    }
    // A click counts where it was pressed, even when the pointer went on before the frame came.
    io.MousePos = position_.x() < -1e29 && !held_press ? ImVec2(-FLT_MAX, -FLT_MAX)
                                                       : to_imgui(held_press ? pressed_at_ : position_);
    io.MouseWheel = float(std::exchange(wheel_, 0));
    io.MouseWheelH = float(std::exchange(wheel_across_, 0));
    just_.fill(false);
    return again || (held_press && pressed_at_ != position_);
}

bool ImGuiInput::give(ImGuiIO& io) {
    bool again = give_mouse(io);
    for (size_t k = 0; k < keys_.size(); ++k) {
        io.KeysDown[k] = keys_[k] || keys_just_[k];
        again |= keys_just_[k] && !keys_[k];
    }
    io.KeyCtrl = modifiers_.testFlag(Qt::ControlModifier);
    io.KeyShift = modifiers_.testFlag(Qt::ShiftModifier);
    io.KeyAlt = modifiers_.testFlag(Qt::AltModifier);
    if (!text_.isEmpty()) io.AddInputCharactersUTF8(std::exchange(text_, {}).toUtf8().constData());
    keys_just_.fill(false);
    return again;
}

}  // namespace pitwall::panels
