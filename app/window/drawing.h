// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>

#include "panels/common/opengl.h"

namespace pitwall::app {

/// On what the dense panels are drawn, chosen once at the start, and what people are told of it.
struct Drawing {
    panels::ImGuiDrawer drawer = panels::ImGuiDrawer::kImage;
    QString about;      ///< for Help, About
    QString complaint;  ///< "" unless what was asked for cannot be
};

/// `wish` is auto, on or off: auto takes OpenGL where a graphics card draws it, on also where the CPU does.
Drawing choose_drawing(const std::string& wish, const panels::OpenGlProbe& probe);

/// The same, and asks OpenGL itself where the wish depends on it. Needs the QApplication.
Drawing choose_drawing(const std::string& wish);

}  // namespace pitwall::app
