// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/opengl.h"

#include <QGuiApplication>
#include <QOffscreenSurface>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QSurfaceFormat>
#include <algorithm>
#include <array>
#include <utility>

namespace pitwall::panels {

namespace {

constexpr std::pair<int, int> kVersionNeeded{3,
                                             2};  // before it a draw command cannot have its own first vertex

constexpr char kSoftwareThreads[] = "LP_NUM_THREADS";

OpenGlProbe no(const QString& problem) { return {false, false, {}, problem}; }

OpenGlProbe ask(QOpenGLContext& context) {
    const auto* name =
        reinterpret_cast<const char*>(context.functions()->glGetString(GL_RENDERER));  // unsigned in GL
    const QString renderer = QString::fromUtf8(name);
    const QSurfaceFormat format = context.format();
    if (context.isOpenGLES() || format.version() < kVersionNeeded)
        return {false, false, renderer,
                QStringLiteral("%1 has OpenGL %2%3.%4, and 3.2 is needed")
                    .arg(renderer, context.isOpenGLES() ? QStringLiteral("ES ") : QString())
                    .arg(format.majorVersion())
                    .arg(format.minorVersion())};
    return {true, !is_software_renderer(renderer), renderer, {}};
}

}  // namespace

void ask_for_opengl_contexts() {
    // Where the CPU draws (Mesa's llvmpipe), in this thread alone: drawing is to take no core from the engine, and what it takes
    // is to be seen, as this thread's time.
    if (!qEnvironmentVariableIsSet(kSoftwareThreads)) qputenv(kSoftwareThreads, "0");
    QSurfaceFormat format = QSurfaceFormat::defaultFormat();
    format.setRenderableType(QSurfaceFormat::OpenGL);
    format.setVersion(3, 3);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setSwapInterval(
        0);  // the frame clock sets the pace; waiting for the screen would hold up the window
    QSurfaceFormat::setDefaultFormat(format);
}

bool platform_holds_opengl(const QString& platform) {
    static constexpr std::array kKnown = {"xcb", "wayland", "wayland-egl", "windows", "cocoa"};
    return std::any_of(kKnown.begin(), kKnown.end(),
                       [&](const char* name) { return platform == QLatin1String(name); });
}

bool is_software_renderer(const QString& renderer) {
    static constexpr std::array kNames = {"llvmpipe", "softpipe",    "swrast",      "software",
                                          "svga3d",   "swiftshader", "gdi generic", "basic render"};
    return std::any_of(kNames.begin(), kNames.end(), [&](const char* name) {
        return renderer.contains(QLatin1String(name), Qt::CaseInsensitive);
    });
}

OpenGlProbe probe_opengl() {
    const QString platform = QGuiApplication::platformName();
    if (!platform_holds_opengl(platform))
        return no(QStringLiteral("Qt's platform \"%1\" shows no OpenGL").arg(platform));
    QOpenGLContext context;
    if (!context.create()) return no(QStringLiteral("no OpenGL context could be made"));
    QOffscreenSurface surface;
    surface.setFormat(context.format());
    surface.create();
    if (!context.makeCurrent(&surface)) return no(QStringLiteral("the OpenGL context could not be used"));
    OpenGlProbe probe = ask(context);
    context.doneCurrent();
    return probe;
}

}  // namespace pitwall::panels
