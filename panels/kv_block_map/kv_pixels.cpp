// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_pixels.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {
namespace {

using telemetry::BlockState;

/// Opacity from the newest to the next one out.
constexpr std::array<double, kKvBands> kFade = {1, .82, .66, .52, .38};
constexpr std::array<double, kKvBands> kAgeFade = {1, .74, .54, .38, .24};
constexpr std::array<double, kKvBands> kFillFade = {1, .8, .6, .42, .26};
constexpr double kQuietCached = .66, kLastOwner = .3;

uint32_t channel(uint32_t colour, int shift) { return colour >> shift & 255; }

/// sRGB bytes to linear light and back, by table.
struct LinearLight {
    std::array<float, 256> to;
    std::array<uint8_t, 4096> from;
    LinearLight() {
        for (size_t i = 0; i < to.size(); ++i) {
            const double c = double(i) / 255;
            to[i] = static_cast<float>(c <= .04045 ? c / 12.92 : std::pow((c + .055) / 1.055, 2.4));
        }
        for (size_t i = 0; i < from.size(); ++i) {
            const double c = (double(i) + .5) / double(from.size());
            const double s = c <= .0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - .055;
            from[i] = static_cast<uint8_t>(std::lround(255 * std::clamp(s, 0.0, 1.0)));
        }
    }
};

const LinearLight& light() {
    static const LinearLight tables;
    return tables;
}

/// Red, green, blue and a count of one: sums add up four at a time.
struct alignas(16) Light {
    std::array<float, 4> v{};
    void add(const Light& other) {
        for (size_t i = 0; i < 4; ++i) v[i] += other.v[i];
    }
    uint32_t mean() const {
        const auto back = [this](size_t i) {
            return uint32_t{light().from[std::min<size_t>(static_cast<size_t>(v[i] / v[3] * 4096), 4095)]};
        };
        return 0xff000000u | back(0) << 16 | back(1) << 8 | back(2);
    }
};

Light to_light(uint32_t c) {
    return {{light().to[channel(c, 16)], light().to[channel(c, 8)], light().to[channel(c, 0)], 1}};
}

struct Canvas {
    std::vector<uint32_t>& pixels;
    int width, height;
    void fill(int x, int y, int w, int h, uint32_t colour) const {
        const int x1 = std::min(x + w, width), y1 = std::min(y + h, height);
        x = std::max(x, 0);
        if (x >= x1) return;
        for (y = std::max(y, 0); y < y1; ++y)
            std::fill_n(pixels.begin() + int64_t{y} * width + x, x1 - x, colour);
    }
};

/// Colours of single blocks. In owner mode neighbours mostly share an owner, whose colour is then at hand.
class Painter {
  public:
    explicit Painter(const KvFrame& frame) : f_(frame) {
        for (size_t i = 0; i < kKvClasses; ++i) light_[i] = to_light(frame.colours[i]);
    }
    uint32_t colour(size_t block) {
        const uint8_t found = f_.classes[block];
        return by_owner(found) ? take(f_.blocks[block].owner, found).first : f_.colours[found];
    }
    const Light& light_of(size_t block) {
        const uint8_t found = f_.classes[block];
        return by_owner(found) ? take(f_.blocks[block].owner, found).second : light_[found];
    }

  private:
    bool by_owner(uint8_t found) const {
        return f_.mode == KvMode::kOwner && (found == kKvHeld || found == kKvCached) && f_.palette.request;
    }
    /// Nobody owns a cached block: the colour of the last owner, faded, says whose work is still there to be hit.
    const std::pair<uint32_t, Light>& take(RequestId owner, uint8_t found) {
        auto& [known, colours] = last_[found == kKvCached];
        if (owner == known) return colours;
        known = owner;
        uint32_t colour = f_.colours[found];
        if (owner != kNoRequest) colour = f_.palette.request(owner);
        if (owner != kNoRequest && found == kKvCached) colour = mix(colour, f_.palette.panel, kLastOwner);
        colours = {colour, to_light(colour)};
        return colours;
    }

    const KvFrame& f_;
    std::array<Light, kKvClasses> light_;
    std::array<std::pair<RequestId, std::pair<uint32_t, Light>>, 2> last_{
        {{RequestId{~0u}, {}}, {RequestId{~0u}, {}}}};
};

/// Token slots in use as a share: 1 too where the mode shows none.
double fill_of(const KvFrame& f, size_t block) {
    if (f.mode == KvMode::kAge || f.mode == KvMode::kPrecision) return 1;
    if (f.blocks[block].state == BlockState::kFree) return 1;
    return std::min(1.0, double(f.blocks[block].filled_tokens) / std::max(f.block_tokens, 1u));
}

void paint_cell(const KvFrame& f, const KvLayout& layout, const Canvas& canvas, Painter& painter,
                size_t block, int x, int y) {
    const int cell = layout.cell();
    const uint32_t colour = painter.colour(block);
    const double fill = layout.shows_fill() ? fill_of(f, block) : 1;
    if (fill >= 1) return canvas.fill(x, y, cell, cell, colour);
    // At least one pixel either way, so that neither "just begun" nor "nearly full" looks like its neighbour.
    const int lower = std::clamp(static_cast<int>(std::lround(fill * cell)), 1, cell - 1);
    canvas.fill(x, y, cell, cell - lower, f.colours[kKvFree]);
    canvas.fill(x, y + cell - lower, cell, lower, colour);
}

void paint_cells(const KvFrame& f, const KvLayout& l, const Canvas& canvas) {
    Painter painter(f);
    const int pitch = l.pitch();
    const int first_row = l.origin_y() / pitch,
              end_row = std::min(l.rows(), (l.origin_y() + l.height()) / pitch + 1);
    const int first_column = l.origin_x() / pitch;
    const int end_column = std::min(l.columns(), (l.origin_x() + l.width()) / pitch + 1);
    for (int row = first_row; row < end_row; ++row) {
        for (int column = first_column; column < end_column; ++column) {
            const size_t block =
                static_cast<size_t>(row) * static_cast<size_t>(l.columns()) + static_cast<size_t>(column);
            if (block >= f.classes.size()) break;
            paint_cell(f, l, canvas, painter, block, column * pitch - l.origin_x(),
                       row * pitch - l.origin_y());
        }
    }
}

/// Several blocks a pixel: the mean of their colours in linear light, so that an even mix looks like what it is.
void paint_means(const KvFrame& f, const KvLayout& l, const Canvas& canvas) {
    Painter painter(f);
    const int side = l.per_side();
    const int end_x = std::min(l.width(), l.content_width() - l.origin_x());
    const int end_y = std::min(l.height(), l.content_height() - l.origin_y());
    std::vector<Light> sums(static_cast<size_t>(std::max(end_x, 0)));
    for (int y = 0; y < end_y; ++y) {
        std::fill(sums.begin(), sums.end(), Light{});
        for (int line = 0; line < side; ++line) {
            const int64_t row_begin = ((int64_t{y} + l.origin_y()) * side + line) * l.columns();
            const int64_t column = int64_t{l.origin_x()} * side;
            const int64_t end = std::min({row_begin + l.columns(), row_begin + column + int64_t{end_x} * side,
                                          static_cast<int64_t>(f.classes.size())});
            int64_t block = row_begin + column;
            for (size_t x = 0; x < sums.size() && block < end; ++x)
                for (int i = 0; i < side && block < end; ++i, ++block)
                    sums[x].add(painter.light_of(static_cast<size_t>(block)));
        }
        for (size_t x = 0; x < sums.size(); ++x)
            if (sums[x].v[3] > 0) canvas.fill(static_cast<int>(x), y, 1, 1, sums[x].mean());
    }
}

}  // namespace

uint32_t mix(uint32_t a, uint32_t b, double share) {
    const auto blend = [&](int shift) {
        return static_cast<uint32_t>(std::lround(channel(a, shift) * share + channel(b, shift) * (1 - share)))
               << shift;
    };
    return 0xff000000u | blend(16) | blend(8) | blend(0);
}

std::array<uint32_t, kKvClasses> class_colours(KvMode mode, const KvPalette& palette, uint32_t mine) {
    std::array<uint32_t, kKvClasses> colours{};
    colours[kKvFree] = palette.free;
    colours[kKvHeld] = palette.held;
    colours[kKvShared] = palette.shared;
    for (size_t i = 0; i < kKvBands; ++i) {
        const double fade = mode == KvMode::kFill    ? kQuietCached
                            : mode == KvMode::kOwner ? kFade.back()
                                                     : kFade[i];
        colours[kKvCached + i] = mix(palette.cached, palette.panel, fade);
        colours[kKvAge + i] = mix(palette.held, palette.panel, kAgeFade[i]);
        colours[kKvFill + i] = mix(palette.held, palette.panel, kFillFade[i]);
    }
    std::copy(palette.formats.begin(), palette.formats.end(), colours.begin() + kKvFormat);
    colours[kKvMine] = mine;
    return colours;
}

void paint_blocks(const KvFrame& frame, const KvLayout& layout, std::vector<uint32_t>& pixels) {
    pixels.assign(static_cast<size_t>(layout.width()) * static_cast<size_t>(layout.height()),
                  frame.palette.panel);
    const Canvas canvas{pixels, layout.width(), layout.height()};
    layout.per_side() > 1 ? paint_means(frame, layout, canvas) : paint_cells(frame, layout, canvas);
}

}  // namespace pitwall::panels
