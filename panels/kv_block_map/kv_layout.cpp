// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_layout.h"

#include <algorithm>

namespace pitwall::panels {
namespace {

constexpr int kColumnMultiple = 8;  // row labels that are multiples of eight are easier to count on

int pitch_of(int level) { return std::max(level, 1); }
int per_side_of(int level) { return level >= 1 ? 1 : 2 - level; }

}  // namespace

bool KvLayout::holds(int level) const {
    const int64_t columns = int64_t{width_} * per_side_of(level) / pitch_of(level);
    const int64_t rows = int64_t{height_} * per_side_of(level) / pitch_of(level);
    return columns * rows >= blocks_;
}

void KvLayout::set_columns() {
    const int columns = std::max(1, width_ * per_side_of(fit_level_) / pitch_of(fit_level_));
    const int room = std::max(1, height_ * per_side_of(fit_level_) / pitch_of(fit_level_));
    columns_ = columns;
    if (const int even = columns - columns % kColumnMultiple;
        even >= 2 * kColumnMultiple && int64_t{even} * room >= blocks_) {
        columns_ = even;
    }
    rows_ = static_cast<int>((int64_t{blocks_} + columns_ - 1) / columns_);
}

void KvLayout::fit(uint32_t blocks, int width, int height, int max_fit_pitch) {
    blocks_ = blocks;
    width_ = std::max(width, 1);
    height_ = std::max(height, 1);
    fit_level_ = std::clamp(max_fit_pitch, 1, kMaxPitch);
    while (!holds(fit_level_)) --fit_level_;  // ends: each level below 1 holds more than the one before
    level_ = fit_level_;
    set_columns();
    origin_x_ = origin_y_ = 0;
}

void KvLayout::resize(uint32_t blocks, int width, int height, int max_fit_pitch) {
    const KvLayout before = *this;
    fit(blocks, width, height, max_fit_pitch);
    if (columns_ != before.columns_ || before.fitted()) return;
    level_ = std::max(before.level_, fit_level_);
    origin_x_ = before.origin_x_;
    origin_y_ = before.origin_y_;
    clamp();
}

void KvLayout::clamp() {
    origin_x_ = std::clamp(origin_x_, 0, std::max(0, content_width() - width_));
    origin_y_ = std::clamp(origin_y_, 0, std::max(0, content_height() - height_));
}

void KvLayout::zoom(int steps, int x, int y) {
    const double before = double(pitch()) / per_side();
    const double column = (origin_x_ + x + 0.5) / before, row = (origin_y_ + y + 0.5) / before;
    for (; steps > 0 && level_ < kMaxPitch; --steps)
        level_ += level_ >= 8 ? std::min(4, kMaxPitch - level_) : 1;
    for (; steps < 0 && level_ > fit_level_; ++steps) level_ -= level_ > 11 ? 4 : 1;
    level_ = std::max(level_, fit_level_);
    const double after = double(pitch()) / per_side();
    origin_x_ = static_cast<int>(column * after - x);
    origin_y_ = static_cast<int>(row * after - y);
    clamp();
}

void KvLayout::pan(int dx, int dy) {
    origin_x_ -= dx;
    origin_y_ -= dy;
    clamp();
}

void KvLayout::reveal(BlockId block) {
    if (raw(block) >= blocks_) return;
    const PixelRect cell = rect_of(block);
    origin_x_ += std::min(cell.x, 0) + std::max(cell.x + cell.w - width_, 0);
    origin_y_ += std::min(cell.y, 0) + std::max(cell.y + cell.h - height_, 0);
    clamp();
}

std::optional<BlockId> KvLayout::block_at(int x, int y) const {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return std::nullopt;
    const int64_t column = int64_t{x + origin_x_} * per_side() / pitch();
    const int64_t row = int64_t{y + origin_y_} * per_side() / pitch();
    if (column >= columns_ || row >= rows_) return std::nullopt;
    const int64_t index = row * columns_ + column;
    if (index >= blocks_) return std::nullopt;
    return BlockId{static_cast<uint32_t>(index)};
}

PixelRect KvLayout::rect_of(BlockId block) const {
    const int column = static_cast<int>(raw(block) % static_cast<uint32_t>(std::max(columns_, 1)));
    const int row = static_cast<int>(raw(block) / static_cast<uint32_t>(std::max(columns_, 1)));
    return {column / per_side() * pitch() - origin_x_, row / per_side() * pitch() - origin_y_, cell(),
            cell()};
}

}  // namespace pitwall::panels
