// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "panels/common/format.h"
#include "panels/figures/figures_presenter.h"
#include "panels/kv_block_map/kv_block_map_presenter.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using telemetry::BlockRow;
using telemetry::BlockState;

constexpr QSize kSizes[] = {{680, 192}, {920, 238}, {1316, 412}};

KvPalette palette() {
    KvPalette colours{0xff101010, 0xff202020,
                      0xff3030f0, 0xffe0e0e0,
                      0xff107070, [](RequestId id) { return 0xff000000u | raw(id) * 2654435761u; }};
    for (size_t i = 0; i < kKvFormats; ++i) colours.formats[i] = 0xff0000a0u + static_cast<uint32_t>(i);
    return colours;
}

TEST(KvLayout, FitsEveryPoolIntoEverySize) {
    for (const QSize size : kSizes) {
        for (const uint32_t blocks : {1u, 7u, 96u, 511u, 3072u, 20'000u, 65'537u, 1'000'000u}) {
            KvLayout layout;
            layout.fit(blocks, size.width(), size.height());
            EXPECT_LE(layout.content_width(), size.width()) << blocks;
            EXPECT_LE(layout.content_height(), size.height()) << blocks;
            EXPECT_GE(int64_t{layout.columns()} * layout.rows(), blocks);
            EXPECT_LT(int64_t{layout.columns()} * (layout.rows() - 1), blocks) << "an empty row";
        }
    }
}

TEST(KvLayout, HitTestingGoesBothWays) {
    for (const QSize size : kSizes) {
        for (const uint32_t blocks : {1u, 96u, 3072u, 50'000u}) {
            KvLayout layout;
            layout.fit(blocks, size.width(), size.height());
            if (layout.per_side() > 1) continue;
            std::set<std::pair<int, int>> places;
            for (uint32_t b = 0; b < blocks; ++b) {
                const PixelRect cell = layout.rect_of(BlockId{b});
                EXPECT_TRUE(places.emplace(cell.x, cell.y).second) << "two blocks in one cell";
                ASSERT_EQ(layout.block_at(cell.x, cell.y), BlockId{b});
                ASSERT_EQ(layout.block_at(cell.x + cell.w - 1, cell.y + cell.h - 1), BlockId{b});
            }
        }
    }
}

TEST(KvLayout, SeveralBlocksAPixelStillHitTheRightOnes) {
    KvLayout layout;
    layout.fit(1'000'000, 400, 200);
    ASSERT_GT(layout.per_side(), 1);
    for (uint32_t b = 0; b < 1'000'000; b += 997) {
        const PixelRect pixel = layout.rect_of(BlockId{b});
        const auto first = layout.block_at(pixel.x, pixel.y);
        ASSERT_TRUE(first);
        const auto columns = static_cast<uint32_t>(layout.columns());
        EXPECT_LT(b % columns - raw(*first) % columns, static_cast<uint32_t>(layout.per_side()));
        EXPECT_LT(b / columns - raw(*first) / columns, static_cast<uint32_t>(layout.per_side()));
    }
}

TEST(KvLayout, NothingOutsideIsABlock) {
    KvLayout layout;
    layout.fit(10, 300, 200);
    for (const auto& [x, y] : {std::pair{-1, 0}, {0, -1}, {300, 0}, {0, 200}, {299, 199}})
        EXPECT_FALSE(layout.block_at(x, y));
    KvLayout none;
    none.fit(0, 300, 200);
    EXPECT_FALSE(none.block_at(0, 0));
}

TEST(KvLayout, ZoomKeepsTheBlockUnderThePointer) {
    for (const uint32_t blocks : {3072u, 50'000u, 1'000'000u}) {
        KvLayout layout;
        layout.fit(blocks, 640, 220);
        const KvLayout fitted = layout;
        // From where single blocks can be told apart on.
        while (layout.pitch() < 6) layout.zoom(1, 320, 110);
        for (int i = 0; i < 4; ++i) {
            const auto under = layout.block_at(320, 110);
            ASSERT_TRUE(under);
            layout.zoom(1, 320, 110);
            const PixelRect cell = layout.rect_of(*under);
            // Where the grid ends nearer, its end stays at the edge instead.
            const bool free_x = layout.origin_x() > 0 && layout.origin_x() < layout.content_width() - 640;
            const bool free_y = layout.origin_y() > 0 && layout.origin_y() < layout.content_height() - 220;
            if (free_x) {
                EXPECT_LE(std::abs(cell.x + cell.w / 2 - 320), layout.pitch());
            }
            if (free_y) {
                EXPECT_LE(std::abs(cell.y + cell.h / 2 - 110), layout.pitch());
            }
            EXPECT_TRUE(free_x || blocks == 3072);
        }
        for (int i = 0; i < 40; ++i) layout.zoom(-1, 5, 5);
        EXPECT_EQ(layout, fitted) << "zoomed all the way out";
    }
}

TEST(KvLayout, RevealBringsABlockIntoSight) {
    KvLayout layout;
    layout.fit(3072, 640, 220);
    for (int i = 0; i < 6; ++i) layout.zoom(1, 0, 0);
    for (const uint32_t b : {0u, 95u, 1500u, 3071u}) {
        layout.reveal(BlockId{b});
        const PixelRect cell = layout.rect_of(BlockId{b});
        EXPECT_GE(cell.x, 0);
        EXPECT_GE(cell.y, 0);
        EXPECT_LE(cell.x + cell.w, 640);
        EXPECT_LE(cell.y + cell.h, 220);
    }
}

class KvPresenterTest : public ::testing::Test {
  protected:
    KvPresenterTest() : scene_({.arrivals_per_s = 6}), presenter_(top_.store) {
        presenter_.set_palette(palette());
        presenter_.set_size(920, 238, 1);
    }
    SceneDesk top_;
    Scene scene_;
    KvBlockMapPresenter presenter_;
};

TEST_F(KvPresenterTest, CountsAreThoseOfThePool) {
    for (int tick = 0; tick < 30; ++tick) {
        top_.feed(scene_, .7);
        presenter_.refresh();
        uint64_t free = 0, cached = 0, held = 0, shared = 0, filled = 0;
        for (const BlockRow& b : top_.store.blocks()) {
            if (b.state == BlockState::kFree)
                ++free;
            else if (b.state == BlockState::kCached)
                ++cached;
            else
                ++(b.owners > 1 ? shared : held), filled += b.filled_tokens;
        }
        const KvCounts& c = presenter_.counts();
        EXPECT_EQ(std::tie(c.free, c.cached, c.held, c.shared, c.slots_filled),
                  std::tie(free, cached, held, shared, filled));
        // The same figures that the engine told with its step: occupancy and slot fill are two things.
        const auto& step = top_.store.steps().back().step;
        EXPECT_EQ(held + shared, step.blocks_held);
        EXPECT_EQ(filled, step.slots_filled);
    }
}

/// The strip shows what the newest step left, the map what holds now: two moments, which no name may share.
TEST_F(KvPresenterTest, BetweenStepsTheStripAndTheMapDifferUnderTheirOwnNames) {
    top_.feed(scene_, 20);
    FiguresPresenter figures;
    const auto strip = [&] {
        figures.update(top_.store, {0, top_.store.now_ns() + 1}, {}, false);
        return *std::find_if(figures.tiles().begin(), figures.tiles().end(),
                             [](const FigureTile& tile) { return tile.id == u"kv_held"; });
    };
    presenter_.refresh();
    const QString left = presenter_.held_text();
    EXPECT_EQ(strip().value.text(), left) << "no event since the step";
    std::vector<telemetry::Event> freed;
    for (uint32_t i = 0; i < top_.store.blocks().size(); ++i) {
        if (top_.store.blocks()[i].state != BlockState::kHeld) continue;
        telemetry::Event& event = freed.emplace_back();
        event.kind = telemetry::EventKind::kBlock;
        event.t_ns = top_.store.now_ns();
        event.block = {};
        event.block.block = BlockId{i};
        event.block.phase = telemetry::BlockPhase::kReleased;
        event.block.state = BlockState::kFree;
    }
    ASSERT_GT(freed.size(), 31u) << "a tenth of a percent of the pool";
    top_.store.apply(freed);
    presenter_.refresh();
    EXPECT_NE(presenter_.held_text(), left);
    EXPECT_EQ(strip().value.text(), left);
    EXPECT_TRUE(strip().label.endsWith(QStringLiteral("last step")));
    for (const auto& [name, share] : presenter_.shares())
        EXPECT_TRUE(name.endsWith(QStringLiteral("now"))) << name.toStdString();
}

TEST_F(KvPresenterTest, EveryLegendSumsToThePool) {
    top_.feed(scene_, 20);
    for (const KvMode mode :
         {KvMode::kState, KvMode::kOwner, KvMode::kAge, KvMode::kFill, KvMode::kPrecision}) {
        presenter_.set_mode(mode);
        EXPECT_TRUE(presenter_.refresh());
        double parts = 0;
        for (const KvLegendRow& row : presenter_.legend()) parts += row.part;
        EXPECT_NEAR(parts, 1, 1e-9) << static_cast<int>(mode);
    }
}

TEST_F(KvPresenterTest, RefreshIsFreeWhenNothingMoved) {
    top_.feed(scene_, 5);
    EXPECT_TRUE(presenter_.refresh());
    EXPECT_FALSE(presenter_.refresh());
    presenter_.set_selection(RequestId{1}, kNoBlock);
    EXPECT_TRUE(presenter_.refresh());
    presenter_.set_selection(RequestId{1}, kNoBlock);
    EXPECT_FALSE(presenter_.refresh());
}

TEST_F(KvPresenterTest, CellsShowStateAndFill) {
    top_.feed(scene_, 20);
    presenter_.refresh();
    ASSERT_GE(presenter_.layout().cell(), 6);
    const auto pixel = [&](PixelRect cell, int dy) {
        const PixelRect map = presenter_.map();
        return presenter_.pixels()[static_cast<size_t>((cell.y - map.y + dy) * map.w + cell.x - map.x)];
    };
    int partly = 0;
    for (uint32_t b = 0; b < top_.store.blocks().size(); ++b) {
        const BlockRow& row = top_.store.blocks()[b];
        const PixelRect cell = presenter_.rect_of(BlockId{b});
        if (row.state == BlockState::kFree) {
            EXPECT_EQ(pixel(cell, 0), 0xff202020u);
        } else if (row.state == BlockState::kHeld) {
            const uint32_t colour = row.owners > 1 ? 0xffe0e0e0u : 0xff3030f0u;
            EXPECT_EQ(pixel(cell, cell.h - 1), colour) << "filled from below";
            if (row.filled_tokens < 16) {
                ++partly;
                EXPECT_EQ(pixel(cell, 0), 0xff202020u) << "empty above";
            }
        }
    }
    EXPECT_GT(partly, 0);
}

TEST_F(KvPresenterTest, TheSelectedRequestIsOutlinedWhole) {
    top_.feed(scene_, 20);
    const RequestId request = top_.longest_running();
    ASSERT_NE(request, kNoRequest);
    presenter_.set_selection(request, kNoBlock);
    presenter_.refresh();
    const auto runs = presenter_.selection_runs();
    size_t covered = 0;
    for (const BlockId b : top_.store.block_table(request)) {
        const PixelRect cell = presenter_.rect_of(b);
        for (const PixelRect& run : runs) covered += run.contains(cell.x, cell.y);
    }
    EXPECT_EQ(covered, top_.store.block_table(request).size());
    EXPECT_EQ(presenter_.request_blocks(), covered);
    EXPECT_TRUE(presenter_.request_note().contains(QStringLiteral("from cache")));
}

TEST_F(KvPresenterTest, ACardSaysWhatABlockIs) {
    top_.feed(scene_, 20);
    const RequestId request = top_.longest_running();
    const auto table = top_.store.block_table(request);
    presenter_.refresh();
    const BlockId last = table.back();
    const KvCard card = presenter_.card(last);
    EXPECT_EQ(card.title, QStringLiteral("Block ") + format_count(raw(last)));
    EXPECT_TRUE(card.state.startsWith(QStringLiteral("held, "))) << card.state.toStdString();
    EXPECT_TRUE(card.content.startsWith(format_request(raw(request)))) << card.content.toStdString();
    EXPECT_TRUE(card.content.contains(QStringLiteral("of 16 slots filled")));
    EXPECT_TRUE(card.detail.contains(QStringLiteral("1 owner,"))) << card.detail.toStdString();
    EXPECT_TRUE(card.detail.endsWith(QStringLiteral(" of %1").arg(table.size())))
        << card.detail.toStdString();
    EXPECT_TRUE(presenter_.card(BlockId{1'000'000}).title.isEmpty());
}

TEST_F(KvPresenterTest, ScopeNamesPoolBlockAndMemory) {
    EXPECT_TRUE(presenter_.empty());
    top_.feed(scene_, 1);
    presenter_.refresh();
    EXPECT_EQ(presenter_.scope(), QStringLiteral("3,072 blocks of 16 tokens, 557 MiB, physical order"));
    EXPECT_EQ(presenter_.csv().count(u'\n'), 3073);
}

TEST_F(KvPresenterTest, KeysReachEveryBlock) {
    top_.feed(scene_, 1);
    presenter_.refresh();
    BlockId at = presenter_.moved(kNoBlock, 0, 0);
    EXPECT_EQ(raw(at), 0u);
    EXPECT_EQ(presenter_.moved(at, -1, 0), at) << "stays at the first";
    const auto columns = static_cast<uint32_t>(presenter_.layout().columns());
    EXPECT_EQ(raw(presenter_.moved(at, 0, 1)), columns);
    EXPECT_EQ(raw(presenter_.moved(BlockId{3071}, 0, 1)), 3071u);
}

/// A pool of which two requests had the first blocks, told as a keyframe: the held ones, then the cached ones, the rest free.
void tell_pool(telemetry::Store& store, uint32_t blocks, uint32_t held, uint32_t cached,
               telemetry::KvDtype dtype = telemetry::KvDtype::kF16) {
    std::vector<telemetry::Event> events(3);
    for (auto& e : events) {
        e.kind = telemetry::EventKind::kKeyframe;
        std::memset(static_cast<void*>(&e.keyframe), 0, sizeof(e.keyframe));
    }
    events[0].keyframe.part = telemetry::KeyframePart::kBegin;
    events[0].keyframe.begin = {1, blocks, 16, 0, 1024};
    events[1].keyframe.part = telemetry::KeyframePart::kBlocks;
    events[1].keyframe.blocks.used = 2;
    events[1].keyframe.blocks.runs[0] = {BlockId{0}, held, RequestId{3}, 1, 16, BlockState::kHeld, dtype,
                                         0,          5};
    events[1].keyframe.blocks.runs[1] = {
        BlockId{held}, cached, RequestId{4}, 0, 16, BlockState::kCached, dtype, 0, 90};
    events[2].keyframe.part = telemetry::KeyframePart::kEnd;
    store.apply(events);
}

QString legend_text(const KvBlockMapPresenter& presenter) {
    QStringList rows;
    for (const KvLegendRow& row : presenter.legend())
        rows << row.name + u' ' + row.count + QStringLiteral(" #") + QString::number(row.colour & 0xff, 16);
    return rows.join(QStringLiteral(", "));
}

TEST(KvPresenter, RightAfterALiveConversionTheMapShowsTheNewFormat) {
    using telemetry::KvDtype;
    telemetry::Store store;
    tell_pool(store, 8, 3, 2);
    KvBlockMapPresenter presenter(store);
    presenter.set_palette(palette());
    presenter.set_size(920, 238, 1);
    presenter.set_mode(KvMode::kPrecision);
    const auto drawn = [&](uint32_t block) {
        const PixelRect cell = presenter.rect_of(BlockId{block}), map = presenter.map();
        return presenter.pixels()[static_cast<size_t>((cell.y - map.y) * map.w + cell.x - map.x)] & 0xff;
    };
    ASSERT_TRUE(presenter.refresh());
    EXPECT_EQ(legend_text(presenter), QStringLiteral("f16 5 #a1, free 3 #20"));
    EXPECT_EQ(drawn(0), 0xa1u);
    EXPECT_EQ(drawn(4), 0xa1u) << "cached blocks have a format too";
    EXPECT_EQ(drawn(5), 0x20u);
    tell_pool(store, 15, 3, 2, KvDtype::kInt8);  // as the engine does between two steps
    ASSERT_TRUE(presenter.refresh());
    EXPECT_EQ(legend_text(presenter), QStringLiteral("int8 5 #a4, free 10 #20"));
    EXPECT_EQ(drawn(4), 0xa4u);
}

TEST(KvPresenter, BlocksOfAnyFormatAreCounted) {
    telemetry::Store store;
    tell_pool(store, 8, 3, 2);
    telemetry::Event event;
    event.kind = telemetry::EventKind::kBlock;
    event.block = {};
    event.block.state = BlockState::kHeld;
    event.block.dtype = telemetry::KvDtype{200};  // of a damaged recording
    store.apply({&event, 1});
    KvBlockMapPresenter presenter(store);
    presenter.set_palette(palette());
    presenter.set_size(920, 238, 1);
    presenter.set_mode(KvMode::kPrecision);
    presenter.refresh();
    EXPECT_EQ(legend_text(presenter), QStringLiteral("f16 4 #a1, unknown format 1 #a7, free 3 #20"));
    EXPECT_EQ(presenter.card(BlockId{0}).state, QStringLiteral("held, unknown format"));
}

TEST(KvPresenter, AMillionBlocksShareTheirPixels) {
    telemetry::Store store;
    tell_pool(store, 1'000'000, 400'000, 300'000);
    ASSERT_EQ(store.blocks().size(), 1'000'000u);
    KvBlockMapPresenter presenter(store);
    presenter.set_palette(palette());
    presenter.set_size(920, 238, 1);
    for (uint32_t i = 0; i < 5; ++i) {
        presenter.set_selection(RequestId{10 + i}, kNoBlock);
        ASSERT_TRUE(presenter.refresh());
    }
    EXPECT_TRUE(presenter.scope().contains(QStringLiteral("blocks a pixel")));
    EXPECT_TRUE(presenter.card(BlockId{0}).title.contains(QStringLiteral("blocks at block 0")));
    const int side = presenter.layout().per_side();
    EXPECT_EQ(presenter.card(BlockId{0}).content,
              QStringLiteral("%1 held, 0 shared, 0 cached, 0 free").arg(side * side));
    presenter.set_mode(KvMode::kPrecision);
    EXPECT_EQ(presenter.card(BlockId{0}).content, QStringLiteral("f16 %1, free 0").arg(side * side));
    EXPECT_EQ(presenter.card(BlockId{900'000}).content, QStringLiteral("free %1").arg(side * side));
}

}  // namespace
}  // namespace pitwall::testing
