// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/drawing.h"

namespace pitwall::app {

namespace {

constexpr char kPanels[] = "The KV block map and the batch panel are drawn ";

Drawing on_cpu(const QString& why, const QString& complaint = {}) {
    return {panels::ImGuiDrawer::kImage, QStringLiteral("%1on the CPU: %2.").arg(kPanels, why), complaint};
}

}  // namespace

Drawing choose_drawing(const std::string& wish, const panels::OpenGlProbe& probe) {
    if (wish == "off") return on_cpu(QStringLiteral("--opengl off"));
    if (!probe.works)
        return on_cpu(probe.problem,
                      wish == "on"
                          ? QStringLiteral("--opengl on cannot be: %1; the panels are drawn on the CPU")
                                .arg(probe.problem)
                          : QString());
    if (wish != "on" && !probe.hardware)
        return on_cpu(QStringLiteral("%1 is OpenGL in software, which would slow the whole window")
                          .arg(probe.renderer));
    return {panels::ImGuiDrawer::kOpenGl,
            QStringLiteral("%1with OpenGL, by %2.").arg(kPanels, probe.renderer),
            {}};
}

Drawing choose_drawing(const std::string& wish) {
    return choose_drawing(wish, wish == "off" ? panels::OpenGlProbe() : panels::probe_opengl());
}

}  // namespace pitwall::app
