// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "panels/kv_block_map/kv_counts.h"
#include "panels/kv_block_map/kv_layout.h"
#include "panels/kv_block_map/kv_pixels.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// A row of the legend, which is also the count: swatch, name, blocks, share of the pool.
struct KvLegendRow {
    uint32_t colour = 0;
    QString name, count, share;
    double part = 0;                 ///< 0 to 1 of the pool, for the bar below the rows
    RequestId request = kNoRequest;  ///< a click selects it
};

/// What a hover card says of a block: at most three lines.
struct KvCard {
    QString title, state;  ///< "Block 2,577", "held, f16"
    std::optional<uint32_t> swatch;
    QString content;  ///< "R-0778, 16 of 16 slots filled"
    QString detail;   ///< "age 681 ms, 1 owner, 27th of 30"
};

struct KvRowLabel {
    int y;
    QString text;
};  ///< y: middle of the row, in panel pixels

/// Everything the KV block map shows, worked out from the store; knows no widget. Rectangles are in panel
/// pixels (below the title bar) unless they say map.
class KvBlockMapPresenter {
  public:
    enum class Summary { kRight, kBelow, kNone };

    explicit KvBlockMapPresenter(const telemetry::Store& store) : store_(store) {}

    void set_palette(KvPalette palette);
    void set_mode(KvMode mode);
    void set_size(int width, int height, double scale);
    void set_selection(RequestId request, BlockId block);
    /// Takes over what the store has now. True where anything that is drawn changed.
    bool refresh();

    KvMode mode() const { return mode_; }
    bool empty() const { return layout_.blocks() == 0; }
    const KvLayout& layout() const { return layout_; }
    const KvCounts& counts() const { return counts_; }
    PixelRect map() const { return map_; }
    PixelRect summary() const { return summary_; }
    Summary summary_place() const { return place_; }
    /// map().w x map().h, 0xffRRGGBB; `frame` moves whenever they do.
    const std::vector<uint32_t>& pixels() const { return pixels_; }
    uint64_t frame() const { return frame_; }

    void zoom(int steps, int x, int y);  ///< panel pixels
    void pan(int dx, int dy);
    void fit();
    std::optional<BlockId> block_at(int x, int y) const;
    PixelRect rect_of(BlockId block) const;
    RequestId owner_of(BlockId block) const;
    /// The neighbour that an arrow key leads to; from nowhere: the selected block, or the first one in sight.
    BlockId moved(BlockId from, int columns, int rows) const;
    void reveal(BlockId block);

    std::vector<KvRowLabel> row_labels() const;
    /// Runs of the selected request's cells, for its outline; cut at the ends of rows.
    std::vector<PixelRect> selection_runs() const;
    std::vector<KvLegendRow> legend() const;
    KvCard card(BlockId block) const;
    QString held_text() const;   ///< "16.0 %"
    QString slots_text() const;  ///< "98.2 %", or an en dash
    /// Those two by name. The figures strip has them as the newest step left them, which is another moment: no name
    /// stands in both places.
    std::array<std::pair<QString, QString>, 2> shares() const;
    QString request_note() const;  ///< "12 from cache, 12 shared now"; empty without a selection
    RequestId request() const { return request_; }
    size_t request_blocks() const { return table_.size(); }
    BlockId block() const { return block_; }
    QString scope() const;
    QStringList shorter_scopes() const;
    QString warning() const;  ///< events are missing; empty otherwise
    QString csv() const;

  private:
    void lay_out();
    void paint();
    uint32_t request_colour(RequestId id) const;
    KvLegendRow row(uint32_t colour, const QString& name, uint64_t blocks) const;
    void owner_rows(std::vector<KvLegendRow>& rows) const;
    void format_rows(std::vector<KvLegendRow>& rows) const;  ///< those that there are
    QString place_in_table(BlockId block) const;
    KvCard card_of_many(BlockId first) const;

    const telemetry::Store& store_;
    KvPalette palette_;
    KvMode mode_ = KvMode::kState;
    KvLayout layout_;
    KvCounts counts_;
    PixelRect map_, summary_;
    Summary place_ = Summary::kRight;
    int width_ = 1, height_ = 1;
    double scale_ = 1;
    RequestId request_ = kNoRequest;
    BlockId block_ = kNoBlock;
    std::vector<BlockId> table_;    ///< of the selected request
    std::vector<uint8_t> classes_;  ///< KvClass, one a block
    std::array<uint32_t, kKvClasses> colours_{};
    std::vector<uint32_t> pixels_;
    uint64_t frame_ = 0, seen_version_ = 0;
    bool dirty_ = true;
};

}  // namespace pitwall::panels
