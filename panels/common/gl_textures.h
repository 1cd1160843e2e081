// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QOpenGLFunctions>
#include <cstdint>
#include <unordered_map>

#include "panels/common/imgui_raster.h"

namespace pitwall::panels {

/// The copies that one OpenGL context has of ImGuiTextures. Everything needs that context to be current.
class GlTextures {
  public:
    void begin_frame();
    /// The name of its copy, which is uploaded if it is new or its texels were written to. Null: one white texel.
    GLuint name_of(const ImGuiTexture* texture);
    void end_frame();  ///< drops the copies that the frame had no use for
    void clear();

  private:
    struct Copy {
        GLuint name = 0;
        int width = 0, height = 0;
        uint64_t version = 0;
        bool used = false;
    };
    void upload(Copy& copy, int width, int height, const uint32_t* argb);

    std::unordered_map<const ImGuiTexture*, Copy> copies_;
};

}  // namespace pitwall::panels
