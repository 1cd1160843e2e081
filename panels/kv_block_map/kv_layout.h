// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "telemetry/base/ids.h"

namespace pitwall::panels {

/// A rectangle in whole pixels; the right and lower edges are outside.
struct PixelRect {
    int x = 0, y = 0, w = 0, h = 0;
    bool contains(int px, int py) const { return px >= x && px < x + w && py >= y && py < y + h; }
    bool operator==(const PixelRect&) const = default;
};

/// Where the cells of the block map stand: blocks in physical order, row by row, in a grid whose number of
/// columns depends on the size of the map alone, so that zooming keeps every block in its place. All pixels
/// are relative to the map's own upper left corner.
class KvLayout {
  public:
    static constexpr int kMaxPitch = 28;  ///< pixels from cell to cell at the closest zoom

    /// Fits `blocks` cells into width x height pixels and forgets zoom and pan. `max_fit_pitch` keeps small
    /// pools from being drawn in giant cells.
    void fit(uint32_t blocks, int width, int height, int max_fit_pitch = 22);
    /// As fit(), but keeps zoom and pan where the grid stayed the same.
    void resize(uint32_t blocks, int width, int height, int max_fit_pitch = 22);
    /// Zooms `steps` levels closer (negative: away), keeping the block under (x, y) there. Stops at fit.
    void zoom(int steps, int x, int y);
    void pan(int dx, int dy);
    void reveal(BlockId block);  ///< pans as little as makes the cell visible

    uint32_t blocks() const { return blocks_; }
    int columns() const { return columns_; }
    int rows() const { return rows_; }
    int width() const { return width_; }
    int height() const { return height_; }
    /// Pixels from cell to cell; 1 where a pixel holds several blocks.
    int pitch() const { return level_ >= 1 ? level_ : 1; }
    /// Side of a cell without its gap: from a pitch of 4 on one pixel stays empty.
    int cell() const { return pitch() >= 4 ? pitch() - 1 : pitch(); }
    /// Blocks along the side of a pixel: 1 unless zoomed so far out that per_side() * per_side() blocks share
    /// one.
    int per_side() const { return level_ >= 1 ? 1 : 2 - level_; }
    bool shows_fill() const { return cell() >= 6; }
    bool fitted() const { return level_ == fit_level_; }
    int origin_x() const { return origin_x_; }
    int origin_y() const { return origin_y_; }
    /// Pixels the whole grid takes at this zoom.
    int content_width() const { return (columns_ * pitch() + per_side() - 1) / per_side(); }
    int content_height() const { return (rows_ * pitch() + per_side() - 1) / per_side(); }

    std::optional<BlockId> block_at(int x, int y) const;  ///< the first of them where a pixel holds several
    PixelRect rect_of(BlockId block) const;  ///< the cell; outside of the map where it is scrolled away
    int row_y(int row) const { return row * pitch() / per_side() - origin_y_; }

    bool operator==(const KvLayout&) const = default;

  private:
    bool holds(int level) const;
    void set_columns();
    void clamp();

    uint32_t blocks_ = 0;
    int width_ = 0, height_ = 0, columns_ = 0, rows_ = 0;
    int level_ = 1;      ///< >= 1: the pitch; 0: 2 x 2 blocks a pixel; -1: 3 x 3; and so on
    int fit_level_ = 1;  ///< the level at which all blocks are visible
    int origin_x_ = 0, origin_y_ = 0;
};

}  // namespace pitwall::panels
