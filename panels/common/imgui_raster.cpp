// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_raster.h"

#include <imgui.h>

#include <QRect>
#include <algorithm>
#include <cmath>
#include <cstring>

namespace pitwall::panels {

namespace {

/// ImGui packs R, G, B, A from the low byte up; QRgb packs B, G, R, A.
uint32_t to_argb(ImU32 c) { return (c & 0xff00ff00u) | (c & 0xffu) << 16 | (c >> 16 & 0xffu); }

uint32_t blend(uint32_t dst, uint32_t src) {
    const uint32_t a = src >> 24, b = 255 - a;
    const auto mix = [&](int shift) {
        const uint32_t v = (src >> shift & 0xff) * a + (dst >> shift & 0xff) * b + 127;
        return (v + (v >> 8) + 1) >> 8 << shift;  // v / 255, exact for 16 bits
    };
    return 0xff000000u | mix(16) | mix(8) | mix(0);
}

uint32_t modulate(uint32_t texel, uint32_t tint) {
    if (tint == 0xffffffffu) return texel;
    uint32_t out = 0;
    for (int shift = 0; shift < 32; shift += 8)
        out |= ((texel >> shift & 0xff) * (tint >> shift & 0xff) / 255) << shift;
    return out;
}

struct Vertex {
    double x, y, u, v;
    uint32_t argb;
};

class Raster {
  public:
    Raster(QImage& target, double scale) : target_(target), scale_(scale) {}

    void draw(const ImDrawList& list, const ImVec2& origin) {
        origin_ = origin;
        for (const ImDrawCmd& command : list.CmdBuffer) {
            if (command.UserCallback != nullptr) continue;
            set_clip(command.ClipRect);
            texture_ = static_cast<const ImGuiTexture*>(command.TextureId);
            if (clip_.isEmpty()) continue;
            draw_command(list, command);
        }
    }

  private:
    void set_clip(const ImVec4& rect) {
        const int left = first_pixel((rect.x - origin_.x) * scale_),
                  right = first_pixel((rect.z - origin_.x) * scale_);
        const int top = first_pixel((rect.y - origin_.y) * scale_),
                  bottom = first_pixel((rect.w - origin_.y) * scale_);
        clip_ = QRect(left, top, right - left, bottom - top) & target_.rect();
    }

    void draw_command(const ImDrawList& list, const ImDrawCmd& command) {
        const ImDrawIdx* index = list.IdxBuffer.Data + command.IdxOffset;
        const ImDrawVert* vertices = list.VtxBuffer.Data + command.VtxOffset;
        for (unsigned i = 0; i + 3 <= command.ElemCount;) {
            const bool quad =
                i + 6 <= command.ElemCount && index[i + 3] == index[i] && index[i + 4] == index[i + 2];
            if (quad && draw_quad(vertices[index[i]], vertices[index[i + 1]], vertices[index[i + 2]],
                                  vertices[index[i + 5]])) {
                i += 6;
                continue;
            }
            draw_triangle(read(vertices[index[i]]), read(vertices[index[i + 1]]),
                          read(vertices[index[i + 2]]));
            i += 3;
        }
    }

    Vertex read(const ImDrawVert& v) const {
        return {(double(v.pos.x) - double(origin_.x)) * scale_,
                (double(v.pos.y) - double(origin_.y)) * scale_, double(v.uv.x), double(v.uv.y),
                to_argb(v.col)};
    }

    /// The first pixel whose centre is at or after `edge`.
    static int first_pixel(double edge) {
        return static_cast<int>(std::ceil(std::clamp(edge, -1e6, 1e6) - 0.5));
    }

    /// True when the four corners are an upright rectangle of one colour, which is drawn then.
    bool draw_quad(const ImDrawVert& a, const ImDrawVert& b, const ImDrawVert& c, const ImDrawVert& d) {
        if (a.col != b.col || a.col != c.col || a.col != d.col) return false;
        const bool across =
            a.pos.y == b.pos.y && b.pos.x == c.pos.x && c.pos.y == d.pos.y && d.pos.x == a.pos.x;
        const bool down =
            a.pos.x == b.pos.x && b.pos.y == c.pos.y && c.pos.x == d.pos.x && d.pos.y == a.pos.y;
        if (!across && !down) return false;
        const bool plain = texture_ == nullptr || (a.uv.x == c.uv.x && a.uv.y == c.uv.y);
        if (plain) {
            fill(a, c);
        } else {
            if (!across || a.uv.y != b.uv.y || b.uv.x != c.uv.x) return false;
            copy(a, c);
        }
        return true;
    }

    QRect covered(const Vertex& p, const Vertex& q) const {
        const int left = first_pixel(std::min(p.x, q.x)), right = first_pixel(std::max(p.x, q.x));
        const int top = first_pixel(std::min(p.y, q.y)), bottom = first_pixel(std::max(p.y, q.y));
        return QRect(left, top, right - left, bottom - top) & clip_;
    }

    uint32_t* row(int y) { return reinterpret_cast<uint32_t*>(target_.scanLine(y)); }

    void fill(const ImDrawVert& from, const ImDrawVert& to) {
        const Vertex p = read(from), q = read(to);
        const QRect area = covered(p, q);
        if (area.isEmpty()) return;
        const uint32_t colour = texture_ == nullptr ? p.argb : modulate(sample(p.u, p.v), p.argb);
        for (int y = area.top(); y <= area.bottom(); ++y) {
            uint32_t* line = row(y) + area.left();
            if (colour >> 24 == 255) {
                std::fill_n(line, area.width(), colour);
            } else {
                blend_row(line, area.width(), colour);
            }
        }
    }

    /// Most of what lies under a rectangle is of one colour.
    static void blend_row(uint32_t* line, int width, uint32_t colour) {
        uint32_t under = line[0], over = blend(under, colour);
        for (int x = 0; x < width; ++x) {
            if (line[x] != under) {
                under = line[x];
                over = blend(under, colour);
            }
            line[x] = over;
        }
    }

    static int texel_at(double share, int size) {
        return std::clamp(static_cast<int>(share * size), 0, size - 1);
    }
    uint32_t sample(double u, double v) const {
        const auto at =
            static_cast<size_t>(texel_at(v, texture_->height())) * static_cast<size_t>(texture_->width());
        return texture_->texels()[at + static_cast<size_t>(texel_at(u, texture_->width()))];
    }

    /// Columns are looked up once for all rows, and a row that shows the texels of the one above is copied.
    void copy(const ImDrawVert& from, const ImDrawVert& to) {
        const Vertex p = read(from), q = read(to);
        const QRect area = covered(p, q);
        if (area.isEmpty() || texture_->width() == 0 || texture_->height() == 0) return;
        columns_.resize(static_cast<size_t>(area.width()));
        for (int x = 0; x < area.width(); ++x)
            columns_[static_cast<size_t>(x)] =
                texel_at(p.u + (q.u - p.u) * (area.left() + x + 0.5 - p.x) / (q.x - p.x), texture_->width());
        const bool direct = texture_->opaque() && p.argb == 0xffffffffu;
        int last = -1;
        for (int y = area.top(); y <= area.bottom(); ++y) {
            const int v = texel_at(p.v + (q.v - p.v) * (y + 0.5 - p.y) / (q.y - p.y), texture_->height());
            uint32_t* line = row(y) + area.left();
            if (direct && v == last) {
                std::memcpy(line, row(y - 1) + area.left(), sizeof(uint32_t) * columns_.size());
            } else {
                copy_row(line,
                         texture_->texels() + static_cast<size_t>(v) * static_cast<size_t>(texture_->width()),
                         p.argb, direct);
            }
            last = v;
        }
    }

    void copy_row(uint32_t* line, const uint32_t* texels, uint32_t tint, bool direct) const {
        for (size_t x = 0; x < columns_.size(); ++x) {
            const uint32_t texel = texels[columns_[x]];
            line[x] = direct ? texel : blend(line[x], modulate(texel, tint));
        }
    }

    static uint32_t mixed(const Vertex& a, const Vertex& b, const Vertex& c, double wa, double wb,
                          double wc) {
        if (a.argb == b.argb && a.argb == c.argb) return a.argb;
        uint32_t out = 0;
        for (int shift = 0; shift < 32; shift += 8) {
            const double v =
                wa * (a.argb >> shift & 0xff) + wb * (b.argb >> shift & 0xff) + wc * (c.argb >> shift & 0xff);
            out |= static_cast<uint32_t>(std::clamp(v + 0.5, 0.0, 255.0)) << shift;
        }
        return out;
    }

    /// Everything that is not an upright rectangle: rounded corners, sloping lines, antialiased fringes.
    void draw_triangle(const Vertex& a, const Vertex& b, const Vertex& c) {
        const double area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
        if (area == 0 || !std::isfinite(area)) return;
        const int left = std::max(clip_.left(), first_pixel(std::min({a.x, b.x, c.x})));
        const int right = std::min(clip_.right(), first_pixel(std::max({a.x, b.x, c.x})));
        const int top = std::max(clip_.top(), first_pixel(std::min({a.y, b.y, c.y})));
        const int bottom = std::min(clip_.bottom(), first_pixel(std::max({a.y, b.y, c.y})));
        for (int y = top; y <= bottom; ++y) {
            uint32_t* line = row(y);
            for (int x = left; x <= right; ++x) {
                const double px = x + 0.5, py = y + 0.5;
                const double wb = ((px - a.x) * (c.y - a.y) - (c.x - a.x) * (py - a.y)) / area;
                const double wc = ((b.x - a.x) * (py - a.y) - (px - a.x) * (b.y - a.y)) / area;
                const double wa = 1 - wb - wc;
                if (wa < 0 || wb < 0 || wc < 0) continue;
                uint32_t colour = mixed(a, b, c, wa, wb, wc);
                if (texture_ != nullptr)
                    colour = modulate(sample(wa * a.u + wb * b.u + wc * c.u, wa * a.v + wb * b.v + wc * c.v),
                                      colour);
                line[x] = blend(line[x], colour);
            }
        }
    }

    QImage& target_;
    double scale_;
    ImVec2 origin_;
    QRect clip_;
    const ImGuiTexture* texture_ = nullptr;
    std::vector<int> columns_;
};

}  // namespace

void rasterise(const ImDrawData& draw_data, double scale, QImage& target) {
    Q_ASSERT(target.format() == QImage::Format_RGB32);
    Raster raster(target, scale);
    for (int i = 0; i < draw_data.CmdListsCount; ++i)
        raster.draw(*draw_data.CmdLists[i], draw_data.DisplayPos);
}

}  // namespace pitwall::panels
