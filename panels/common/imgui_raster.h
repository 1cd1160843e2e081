// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws what ImGui asked for into a QImage, on the CPU: works offscreen, in sanitizer runs and without any
// GL, and does not slow the rest of the window as a QOpenGLWidget does on software GL. ImGui here draws
// rectangles and textures; both have a path of their own. Text belongs to QPainter.
#pragma once

#include <QImage>
#include <cstdint>
#include <vector>

struct ImDrawData;

namespace pitwall::panels {

/// Pixels that ImGui can draw as a texture (nearest sampling). Keep it alive and in place until the frame is
/// drawn.
class ImGuiTexture {
  public:
    ImGuiTexture() = default;
    ImGuiTexture(const ImGuiTexture&) = delete;
    ImGuiTexture& operator=(const ImGuiTexture&) = delete;

    void resize(int width, int height) {
        width_ = width;
        height_ = height;
        texels_.assign(static_cast<size_t>(width) * static_cast<size_t>(height), 0);
        version_ = ++last_version_;
    }
    int width() const { return width_; }
    int height() const { return height_; }
    /// Row by row, 0xAARRGGBB as QRgb, not premultiplied. Ask for it again whenever you write: that is how a
    /// surface that keeps a copy knows of it.
    uint32_t* texels() {
        version_ = ++last_version_;
        return texels_.data();
    }
    const uint32_t* texels() const { return texels_.data(); }
    /// Promise that every texel has alpha 255: rows are then copied instead of blended.
    void set_opaque(bool opaque) { opaque_ = opaque; }
    bool opaque() const { return opaque_; }
    void* id() { return this; }                    ///< the ImTextureID
    uint64_t version() const { return version_; }  ///< another one after each change

  private:
    int width_ = 0, height_ = 0;
    bool opaque_ = false;
    uint64_t version_ = 0;
    /// Of all textures, so that one in the place of a dead one is not taken for it. GUI thread only.
    static inline uint64_t last_version_ = 0;
    std::vector<uint32_t> texels_;
};

/// `target` is Format_RGB32 and already has its background; draw_data is in logical pixels, `scale` device
/// pixels each. Every ImTextureID in it is an ImGuiTexture or null (then the primitive is plain colour).
void rasterise(const ImDrawData& draw_data, double scale, QImage& target);

}  // namespace pitwall::panels
