// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_pixels.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {
namespace {

using telemetry::BlockRow;
using telemetry::BlockState;

/// Opacity from the newest to the next one out.
constexpr std::array<double, KvColours::kBands> kFade = {1, .82, .66, .52, .38};
constexpr std::array<double, KvColours::kBands> kAgeFade = {1, .74, .54, .38, .24};
/// Of a block's slots in use: full, three quarters and more, half, a quarter, less.
constexpr std::array<double, KvColours::kBands> kFillFade = {1, .8, .6, .42, .26};

uint32_t channel(uint32_t colour, int shift) { return colour >> shift & 255; }

/// sRGB bytes to linear light and back, by table: a pixel may hold millions of blocks in a second.
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
const LinearLight kLight;

struct Sum {
    float r = 0, g = 0, b = 0;
    int count = 0;
    void add(uint32_t c) {
        r += kLight.to[channel(c, 16)], g += kLight.to[channel(c, 8)], b += kLight.to[channel(c, 0)];
        ++count;
    }
    uint32_t mean() const {
        const auto back = [this](float sum) {
            const auto index = static_cast<size_t>(sum / static_cast<float>(count) * 4096);
            return uint32_t{kLight.from[std::min<size_t>(index, 4095)]};
        };
        return 0xff000000u | back(r) << 16 | back(g) << 8 | back(b);
    }
};

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

struct Frame {
    std::span<const BlockRow> blocks;
    const KvLayout& layout;
    const KvColours& colours;
    std::span<const uint8_t> mine;
    uint32_t mine_colour;
    uint32_t colour(size_t block) const {
        return block < mine.size() && mine[block] ? mine_colour : colours.of(blocks[block]);
    }
};

void paint_cell(const Frame& f, const Canvas& canvas, size_t block, int x, int y) {
    const int cell = f.layout.cell();
    const uint32_t colour = f.colour(block);
    const double fill = f.colours.fill(f.blocks[block]);
    if (!f.layout.shows_fill() || !f.colours.has_fill_line() || fill <= 0 || fill >= 1) {
        canvas.fill(x, y, cell, cell, colour);
        return;
    }
    // At least one pixel either way, so that neither "just begun" nor "nearly full" looks like its neighbour.
    const int lower = std::clamp(static_cast<int>(std::lround(fill * cell)), 1, cell - 1);
    canvas.fill(x, y, cell, cell - lower, f.colours.empty());
    canvas.fill(x, y + cell - lower, cell, lower, colour);
}

void paint_cells(const Frame& f, const Canvas& canvas) {
    const KvLayout& l = f.layout;
    const int pitch = l.pitch();
    const int first_row = l.origin_y() / pitch,
              end_row = std::min(l.rows(), (l.origin_y() + l.height()) / pitch + 1);
    const int first_column = l.origin_x() / pitch;
    const int end_column = std::min(l.columns(), (l.origin_x() + l.width()) / pitch + 1);
    for (int row = first_row; row < end_row; ++row) {
        for (int column = first_column; column < end_column; ++column) {
            const size_t block =
                static_cast<size_t>(row) * static_cast<size_t>(l.columns()) + static_cast<size_t>(column);
            if (block >= f.blocks.size()) break;
            paint_cell(f, canvas, block, column * pitch - l.origin_x(), row * pitch - l.origin_y());
        }
    }
}

/// Several blocks a pixel: the mean of their colours in linear light, so that an even mix looks like what it
/// is.
void paint_means(const Frame& f, const Canvas& canvas) {
    const KvLayout& l = f.layout;
    const int side = l.per_side();
    const int end_x = std::min(l.width(), l.content_width() - l.origin_x());
    const int end_y = std::min(l.height(), l.content_height() - l.origin_y());
    std::vector<Sum> sums(static_cast<size_t>(std::max(end_x, 0)));
    for (int y = 0; y < end_y; ++y) {
        std::fill(sums.begin(), sums.end(), Sum{});
        for (int line = 0; line < side; ++line) {
            const int64_t row = (int64_t{y} + l.origin_y()) * side + line;
            const int64_t row_begin = row * l.columns();
            const int64_t column = int64_t{l.origin_x()} * side;
            const int64_t end = std::min({row_begin + l.columns(), row_begin + column + int64_t{end_x} * side,
                                          static_cast<int64_t>(f.blocks.size())});
            int64_t block = row_begin + column;
            for (size_t x = 0; x < sums.size() && block < end; ++x)
                for (int i = 0; i < side && block < end; ++i, ++block)
                    sums[x].add(f.colour(static_cast<size_t>(block)));
        }
        for (size_t x = 0; x < sums.size(); ++x)
            if (sums[x].count) canvas.fill(static_cast<int>(x), y, 1, 1, sums[x].mean());
    }
}

/// Every cached block of a small pool, an even sample of a large one: the bands of opacity are for the eye.
std::array<int64_t, KvColours::kBands - 1> cached_thresholds(std::span<const BlockRow> blocks) {
    constexpr size_t kSample = 16384;
    const size_t stride = blocks.size() / kSample + 1;
    std::vector<int64_t> used;
    for (size_t i = 0; i < blocks.size(); i += stride)
        if (blocks[i].state == BlockState::kCached) used.push_back(blocks[i].used_ns);
    std::array<int64_t, KvColours::kBands - 1> out{};
    for (size_t band = 0; band < out.size() && !used.empty(); ++band) {
        const size_t at = used.size() * (KvColours::kBands - 1 - band) / KvColours::kBands;
        std::nth_element(used.begin(), used.begin() + static_cast<std::ptrdiff_t>(at), used.end());
        out[band] = used[at];
    }
    return out;
}

}  // namespace

uint32_t mix(uint32_t a, uint32_t b, double share) {
    const auto blend = [&](int shift) {
        return static_cast<uint32_t>(std::lround(channel(a, shift) * share + channel(b, shift) * (1 - share)))
               << shift;
    };
    return 0xff000000u | blend(16) | blend(8) | blend(0);
}

KvColours::KvColours(KvMode mode, const KvPalette& palette, std::span<const BlockRow> blocks,
                     uint32_t block_tokens, int64_t now_ns)
    : mode_(mode),
      palette_(palette),
      block_tokens_(std::max(block_tokens, 1u)),
      now_ns_(now_ns),
      free_(palette.free),
      cached_after_{} {
    for (size_t i = 0; i < kBands; ++i) {
        cached_[i] = mix(palette.cached, palette.panel, kFade[i]);
        age_[i] = mix(palette.held, palette.panel, kAgeFade[i]);
        fill_[i] = mix(palette.held, palette.panel, kFillFade[i]);
    }
    if (mode == KvMode::kState) cached_after_ = cached_thresholds(blocks);
}

int KvColours::age_band(const BlockRow& block, int64_t now_ns) {
    const int64_t age = now_ns - block.used_ns;
    return static_cast<int>(std::upper_bound(kAgeNs.begin(), kAgeNs.end(), age) - kAgeNs.begin());
}

int KvColours::fill_band(const BlockRow& block, uint32_t block_tokens) {
    const uint32_t slots = std::max(block_tokens, 1u),
                   filled = std::min<uint32_t>(block.filled_tokens, slots);
    return filled >= slots ? 0 : 4 - static_cast<int>(filled * 4 / slots);
}

double KvColours::fill(const BlockRow& block) const {
    if (block.state == BlockState::kFree) return 0;
    return std::min(1.0, double(block.filled_tokens) / block_tokens_);
}

uint32_t KvColours::cached_colour(const BlockRow& block) const {
    size_t band = 0;
    while (band < cached_after_.size() && block.used_ns < cached_after_[band]) ++band;
    return cached_[band];
}

uint32_t KvColours::owner_colour(const BlockRow& block) const {
    if (block.state == BlockState::kHeld && block.owners > 1) return palette_.shared;
    if (block.owner == kNoRequest || !palette_.request)
        return block.state == BlockState::kHeld ? palette_.held : cached_[kBands - 1];
    if (block.owner != last_owner_) last_colour_ = palette_.request(last_owner_ = block.owner);
    // Nobody owns a cached block: the colour of the last owner, faded, says whose work is still there to be
    // hit.
    return block.state == BlockState::kHeld ? last_colour_ : mix(last_colour_, palette_.panel, .3);
}

uint32_t KvColours::of(const BlockRow& block) const {
    if (block.state == BlockState::kFree) return free_;
    switch (mode_) {
        case KvMode::kOwner:
            return owner_colour(block);
        case KvMode::kAge:
            return age_[static_cast<size_t>(age_band(block, now_ns_))];
        case KvMode::kFill:
            return block.state == BlockState::kCached
                       ? cached_[2]
                       : fill_[static_cast<size_t>(fill_band(block, block_tokens_))];
        default:
            break;
    }
    if (block.state == BlockState::kCached) return cached_colour(block);
    return block.owners > 1 ? palette_.shared : palette_.held;
}

void paint_blocks(std::span<const BlockRow> blocks, const KvLayout& layout, const KvColours& colours,
                  const KvPalette& palette, std::span<const uint8_t> mine, uint32_t mine_colour,
                  std::vector<uint32_t>& pixels) {
    pixels.assign(static_cast<size_t>(layout.width()) * static_cast<size_t>(layout.height()), palette.panel);
    // The store may already hold another pool than the one that was laid out.
    const Frame frame{blocks.first(std::min<size_t>(blocks.size(), layout.blocks())), layout, colours, mine,
                      mine_colour};
    const Canvas canvas{pixels, layout.width(), layout.height()};
    layout.per_side() > 1 ? paint_means(frame, canvas) : paint_cells(frame, canvas);
}

}  // namespace pitwall::panels
