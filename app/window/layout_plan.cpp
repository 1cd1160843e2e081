// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/layout_plan.h"

#include <algorithm>
#include <numeric>

namespace pitwall::app {

namespace {

LayoutPlan small_plan() {
    return {{{240, {{{"knobs"}, 300}, {{"changes", "workload", "prompt"}, 232}}},
             {680,
              {{{"batch"}, 230},
               {{"kv_block_map", "memory", "kv_precision", "speculation", "device"}, 220},
               {{"requests"}, 142}}},
             {344, {{{"latency"}, 300}, {{"prefix_cache", "throughput"}, 292}}}},
            5,
            false};
}

LayoutPlan middle_plan() {
    return {{{264, {{{"knobs"}, 418}, {{"changes"}, 146}, {{"workload", "prompt"}, 216}}},
             {920,
              {{{"batch"}, 316},
               {{"kv_block_map", "memory", "kv_precision", "speculation", "device"}, 266},
               {{"requests"}, 210}}},
             {400, {{{"latency"}, 336}, {{"prefix_cache"}, 222}, {{"throughput"}, 234}}}},
            7,
            true};
}

LayoutPlan large_plan() {
    return {{{320, {{{"knobs"}, 640}, {{"changes"}, 260}, {{"workload", "prompt"}, 340}}},
             {1316,
              {{{"batch"}, 460},
               {{"kv_block_map", "memory", "kv_precision", "speculation", "device"}, 440},
               {{"requests"}, 332}}},
             {480, {{{"latency"}, 440}, {{"prefix_cache"}, 396}, {{"throughput"}, 396}}}},
            7,
            true};
}

/// Shares `total` among `parts` in proportion, to the pixel.
void fit(std::vector<int*> parts, int total) {
    const int sum =
        std::accumulate(parts.begin(), parts.end(), 0, [](int a, const int* b) { return a + *b; });
    int left = total;
    for (size_t i = 0; i < parts.size(); ++i) {
        const int share =
            i + 1 == parts.size() ? left : static_cast<int>(int64_t{*parts[i]} * total / std::max(1, sum));
        left -= share;
        *parts[i] = share;
    }
}

/// The centre takes what the sides leave; they never take more than three fifths of the window.
void fit_columns(LayoutPlan& plan, int width, int gutter, double scale) {
    const int room = width - gutter * (static_cast<int>(plan.columns.size()) - 1);
    Column &left = plan.columns.front(), &centre = plan.columns[1], &right = plan.columns.back();
    left.width = std::min(static_cast<int>(left.width * scale), room * 26 / 100);
    right.width = std::min(static_cast<int>(right.width * scale), room * 34 / 100);
    centre.width = room - left.width - right.width;
}

}  // namespace

LayoutPlan plan_layout(QSize window, QSize area, int gutter, double scale) {
    const double width = window.width() / scale;
    LayoutPlan plan = width < 1500 ? small_plan() : width < 2300 ? middle_plan() : large_plan();
    fit_columns(plan, area.width(), gutter, scale);
    for (Column& column : plan.columns) {
        std::vector<int*> heights;
        for (Place& place : column.places) heights.push_back(&place.height);
        fit(heights, area.height() - gutter * (static_cast<int>(column.places.size()) - 1));
    }
    return plan;
}

}  // namespace pitwall::app
