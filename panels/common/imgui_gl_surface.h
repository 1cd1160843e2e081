// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "panels/common/imgui_surface.h"

namespace pitwall::panels {

/// Draws in a QOpenGLWidget that covers the owner's widget. Only where probe_opengl() works (panels/common/opengl.h).
///
/// Text is painted on a see-through widget above it by QPainter's raster engine, so that it looks the same as
/// everywhere else in the window. A context may go and another come at any time (a dock floats, its panel moves
/// to another window): what lives in it is made anew in the next frame.
std::unique_ptr<ImGuiSurface> make_gl_surface(ImGuiSurfaceOwner owner);

}  // namespace pitwall::panels
