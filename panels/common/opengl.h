// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether OpenGL may draw panels here. That a context can be made is not enough: on some platforms of Qt a
// QOpenGLWidget crashes although one can, and on software OpenGL one such widget makes the whole window slow,
// because Qt then composes all of it through OpenGL at each flush.
#pragma once

#include <QString>

namespace pitwall::panels {

/// On what ImGui panels are drawn; chosen once, at the start.
enum class ImGuiDrawer { kImage, kOpenGl };

struct OpenGlProbe {
    bool works = false;     ///< a QOpenGLWidget may be made
    bool hardware = false;  ///< and a graphics card would draw it
    QString renderer;       ///< as the driver names itself; "" where none was asked
    QString problem;        ///< why it does not work
};

/// Before the QApplication is made: what contexts every window of the program asks for.
void ask_for_opengl_contexts();

/// Makes a context and asks it, after the QApplication was made.
OpenGlProbe probe_opengl();

/// True where Qt can show a QOpenGLWidget: of its platforms, those known to.
bool platform_holds_opengl(const QString& platform);

/// GL_RENDERER of a driver that computes on the CPU.
bool is_software_renderer(const QString& renderer);

}  // namespace pitwall::panels
