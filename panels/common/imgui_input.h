// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QString>
#include <array>

class QEvent;
class QKeyEvent;
class QMouseEvent;
class QWheelEvent;
struct ImGuiIO;

namespace pitwall::panels {

/// What Qt said since the last frame, as Dear ImGui wants it.
///
/// ImGui 1.86 samples the input once a frame, so a press and its release between two frames are held for one
/// frame.
class ImGuiInput {
  public:
    static void name_keys(ImGuiIO& io);  ///< once for each ImGui context
    bool take(const QEvent& event);      ///< true when it calls for a frame
    bool give(ImGuiIO& io);              ///< before a frame; true when a held press needs one more

  private:
    void take_mouse(const QMouseEvent& event);
    void take_wheel(const QWheelEvent& event);
    void take_key(const QKeyEvent& event, bool down);
    bool give_mouse(ImGuiIO& io);

    QPointF position_{-1e30, -1e30}, pressed_at_;
    std::array<bool, 3> down_{}, just_{};  ///< left, right, middle; `just` until a frame has seen the press
    double wheel_ = 0, wheel_across_ = 0;
    std::array<bool, 512> keys_{}, keys_just_{};
    Qt::KeyboardModifiers modifiers_;
    QString text_;
};

}  // namespace pitwall::panels
