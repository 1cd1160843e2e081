// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_block_map_presenter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "panels/common/format.h"

namespace pitwall::panels {
namespace {

constexpr int kSummaryWidth = 166, kSummaryGap = 16, kSummaryMax = 240, kInset = 12, kTop = 4, kBottom = 6;
constexpr int kBelowHeight = 28, kLeastWidth = 480, kLeastHeight = 120, kLabelSpacing = 44;
constexpr double kDigitWidth = 6.6;  // of the number font at 11 px: .6 em

/// Room for the widest row label, and never less than four digits and a comma: the map stands still as pools
/// change.
int row_label_digits(uint32_t blocks) {
    return std::max<int>(5, static_cast<int>(format_count(blocks).size()));
}

}  // namespace

void KvBlockMapPresenter::set_palette(KvPalette palette) {
    palette_ = std::move(palette);
    dirty_ = true;
}

void KvBlockMapPresenter::set_mode(KvMode mode) {
    dirty_ |= mode != mode_;
    mode_ = mode;
}

void KvBlockMapPresenter::set_size(int width, int height, double scale) {
    if (width == width_ && height == height_ && scale == scale_) return;
    width_ = width;
    height_ = height;
    scale_ = scale;
    dirty_ = true;
}

void KvBlockMapPresenter::set_selection(RequestId request, BlockId block) {
    dirty_ |= request != request_ || block != block_;
    request_ = request;
    block_ = block;
}

bool KvBlockMapPresenter::refresh() {
    const bool pool_changed = store_.blocks().size() != layout_.blocks();
    const bool ages = mode_ == KvMode::kAge;  // time passes even when no block moves
    if (!dirty_ && !pool_changed && !ages && store_.blocks_version() == seen_version_) return false;
    seen_version_ = store_.blocks_version();
    lay_out();
    constexpr size_t kOwnersNamed = 6;
    counts_ = classify_blocks(mode_, store_.blocks(), store_.block_tokens(), store_.now_ns(), kOwnersNamed,
                              classes_);
    table_ = request_ == kNoRequest ? std::vector<BlockId>{} : store_.block_table(request_);
    paint();
    dirty_ = false;
    ++frame_;
    return true;
}

void KvBlockMapPresenter::lay_out() {
    const auto px = [this](int value) { return static_cast<int>(std::lround(value * scale_)); };
    const auto blocks = static_cast<uint32_t>(store_.blocks().size());
    const int digits = static_cast<int>(std::lround(row_label_digits(blocks) * kDigitWidth * scale_));
    const int left = px(kInset) + digits + px(6), bottom = px(kBottom);
    const bool wide = width_ >= px(kLeastWidth), tall = height_ >= px(kLeastHeight);
    place_ = wide ? Summary::kRight : tall ? Summary::kBelow : Summary::kNone;
    const int right = wide ? px(kSummaryWidth + kSummaryGap + kInset) : px(kInset);
    const int below = place_ == Summary::kBelow ? px(kBelowHeight) : 0;
    map_ = {left, px(kTop), std::max(1, width_ - left - right),
            std::max(1, height_ - px(kTop) - bottom - below)};
    layout_.resize(blocks, map_.w, map_.h, px(22));
    if (wide) {
        // Beside the last column, so that the figures stand near what they count.
        const int x = left + std::min(map_.w, layout_.content_width()) + px(kSummaryGap);
        summary_ = {x, map_.y, std::min(width_ - px(kInset) - x, px(kSummaryMax)), map_.h};
    } else {
        summary_ = {px(kInset), map_.y + map_.h + px(4), width_ - 2 * px(kInset), below};
    }
}

void KvBlockMapPresenter::paint() {
    if (mode_ == KvMode::kState)
        for (const BlockId id : table_)
            if (raw(id) < classes_.size()) classes_[raw(id)] = kKvMine;
    colours_ = class_colours(mode_, palette_, request_colour(request_));
    paint_blocks({mode_, store_.blocks(), classes_, colours_, palette_, store_.block_tokens()}, layout_,
                 pixels_);
}

uint32_t KvBlockMapPresenter::request_colour(RequestId id) const {
    return id != kNoRequest && palette_.request ? palette_.request(id) : palette_.held;
}

void KvBlockMapPresenter::zoom(int steps, int x, int y) {
    layout_.zoom(steps, x - map_.x, y - map_.y);
    dirty_ = true;
}

void KvBlockMapPresenter::pan(int dx, int dy) {
    layout_.pan(dx, dy);
    dirty_ = true;
}

void KvBlockMapPresenter::fit() {
    layout_ = KvLayout{};
    dirty_ = true;
}

void KvBlockMapPresenter::reveal(BlockId block) {
    const KvLayout before = layout_;
    layout_.reveal(block);
    dirty_ |= !(layout_ == before);
}

std::optional<BlockId> KvBlockMapPresenter::block_at(int x, int y) const {
    return layout_.block_at(x - map_.x, y - map_.y);
}

PixelRect KvBlockMapPresenter::rect_of(BlockId block) const {
    PixelRect rect = layout_.rect_of(block);
    rect.x += map_.x;
    rect.y += map_.y;
    return rect;
}

RequestId KvBlockMapPresenter::owner_of(BlockId block) const {
    if (raw(block) >= store_.blocks().size()) return kNoRequest;
    const telemetry::BlockRow& row = store_.blocks()[raw(block)];
    return row.state == telemetry::BlockState::kFree ? kNoRequest : row.owner;
}

BlockId KvBlockMapPresenter::moved(BlockId from, int columns, int rows) const {
    if (empty()) return kNoBlock;
    if (raw(from) >= layout_.blocks()) {
        if (raw(block_) < layout_.blocks()) return block_;
        return layout_.block_at(0, 0).value_or(BlockId{0});
    }
    const int64_t side = layout_.per_side();  // one key moves one pixel where a pixel holds several
    const int64_t to = int64_t{raw(from)} + columns * side + rows * side * layout_.columns();
    return to < 0 || to >= layout_.blocks() ? from : BlockId{static_cast<uint32_t>(to)};
}

std::vector<KvRowLabel> KvBlockMapPresenter::row_labels() const {
    std::vector<KvRowLabel> labels;
    if (empty()) return labels;
    const int spacing = static_cast<int>(kLabelSpacing * scale_);
    int every = 1;
    while (every * layout_.pitch() / layout_.per_side() < spacing) every *= 2;
    for (int row = 0; row < layout_.rows(); row += every) {
        const int y = layout_.row_y(row);
        if (y < 0 || y + layout_.cell() > map_.h) continue;
        labels.push_back({map_.y + y + layout_.cell() / 2, format_count(int64_t{row} * layout_.columns())});
    }
    return labels;
}

std::vector<PixelRect> KvBlockMapPresenter::selection_runs() const {
    std::vector<BlockId> blocks = table_;
    std::sort(blocks.begin(), blocks.end());
    std::vector<PixelRect> runs;
    const auto columns = static_cast<uint32_t>(std::max(layout_.columns(), 1));
    for (size_t i = 0; i < blocks.size();) {
        size_t end = i + 1;
        while (end < blocks.size() && raw(blocks[end]) == raw(blocks[end - 1]) + 1 &&
               raw(blocks[end]) % columns)
            ++end;
        PixelRect run = rect_of(blocks[i]);
        const PixelRect last = rect_of(blocks[end - 1]);
        run.w = last.x + last.w - run.x;
        const PixelRect& m = map_;
        if (run.x < m.x + m.w && run.x + run.w > m.x && run.y < m.y + m.h && run.y + run.h > m.y)
            runs.push_back(run);
        i = end;
    }
    return runs;
}

}  // namespace pitwall::panels
