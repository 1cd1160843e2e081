// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/gl_textures.h"

#include <QOpenGLContext>

namespace pitwall::panels {

namespace {

// Not among the names that Qt's header for OpenGL ES and desktop alike has.
constexpr GLenum kBgra = 0x80E1, kPackedArgb = 0x8367;  // GL_BGRA, GL_UNSIGNED_INT_8_8_8_8_REV

QOpenGLFunctions& gl() { return *QOpenGLContext::currentContext()->functions(); }

GLuint make_texture() {
    GLuint name = 0;
    gl().glGenTextures(1, &name);
    gl().glBindTexture(GL_TEXTURE_2D, name);
    for (const GLenum filter : {GL_TEXTURE_MIN_FILTER, GL_TEXTURE_MAG_FILTER})
        gl().glTexParameteri(GL_TEXTURE_2D, filter, GL_NEAREST);
    for (const GLenum wrap : {GL_TEXTURE_WRAP_S, GL_TEXTURE_WRAP_T})
        gl().glTexParameteri(GL_TEXTURE_2D, wrap, GL_CLAMP_TO_EDGE);
    return name;
}

}  // namespace

void GlTextures::begin_frame() {
    for (auto& [texture, copy] : copies_) copy.used = false;
}

GLuint GlTextures::name_of(const ImGuiTexture* texture) {
    static constexpr uint32_t kWhite = 0xffffffffu, kNothing = 0;
    Copy& copy = copies_[texture];
    copy.used = true;
    const uint64_t version = texture == nullptr ? 1 : texture->version();
    if (copy.name != 0 && copy.version == version) return copy.name;
    copy.version = version;
    if (texture == nullptr)
        upload(copy, 1, 1, &kWhite);
    else if (texture->width() == 0 || texture->height() == 0)
        upload(copy, 1, 1, &kNothing);
    else
        upload(copy, texture->width(), texture->height(), texture->texels());
    return copy.name;
}

void GlTextures::upload(Copy& copy, int width, int height, const uint32_t* argb) {
    if (copy.name == 0) copy.name = make_texture();
    gl().glBindTexture(GL_TEXTURE_2D, copy.name);
    gl().glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    if (copy.width == width && copy.height == height)
        gl().glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, kBgra, kPackedArgb, argb);
    else
        gl().glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, kBgra, kPackedArgb, argb);
    copy.width = width;
    copy.height = height;
}

void GlTextures::end_frame() {
    for (auto it = copies_.begin(); it != copies_.end();) {
        if (!it->second.used) gl().glDeleteTextures(1, &it->second.name);
        it = it->second.used ? std::next(it) : copies_.erase(it);
    }
}

void GlTextures::clear() {
    begin_frame();
    end_frame();
}

}  // namespace pitwall::panels
