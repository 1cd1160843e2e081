// SPDX-License-Identifier: GPL-3.0-or-later
//
// The panels KV precision and Speculation.
#include <fmt/format.h>

#include "panels/kv_precision/kv_memory_presenter.h"
#include "panels/kv_precision/kv_precision_presenter.h"
#include "panels/speculation/draft_time_presenter.h"
#include "panels/speculation/speculation_presenter.h"
#include "tests/panels/sql/panel_sheet.h"

namespace pitwall::testing {

using namespace panels;
using telemetry::Store;
using telemetry::TimeRange;

namespace {

/// Every cell of a row without its interval, then the numbers of its note.
void put_rows(const std::vector<ValueRow>& rows, const std::string& key, bool notes, Sheet& sheet) {
    for (const ValueRow& row : rows) {
        std::string text;
        for (const ValueCell& cell : row.cells)
            text += cell.value.number.section(QStringLiteral(" \u00b1"), 0, 0).toStdString() + ", ";
        if (notes) text += numbers(row.note);
        sheet[key + row.name.toStdString()] = text;
    }
}

void put_share(double share, std::string& text) {
    text += (text.empty() ? "" : " ") + format_share(share).toStdString();
}

}  // namespace

void show_speculation(const Store& store, TimeRange range, const std::string& name, Sheet& sheet) {
    SpeculationPresenter presenter(store);
    presenter.update(range, QString());
    const std::string key = "speculation|" + name + "|";
    put_rows(presenter.gained(), key, true, sheet);
    put_rows(presenter.spent(), key, true, sheet);
    put_rows(presenter.verdicts(), key, true, sheet);
    for (const ShareBar& bar : presenter.positions()) {
        std::string& text = sheet[key + "position " + bar.label.toStdString()];
        put_share(bar.bar, text);
        put_share(bar.mark, text);
    }
}

void show_precision(const Store& store, TimeRange range, const std::string& name, Shown& shown) {
    KvPrecisionPresenter presenter(store);
    presenter.update(range, QString());
    // What the pool holds and what the change did is of now; the probe's samples are of the range.
    put_rows(presenter.format(), "precision|", false, shown.sheet);
    if (presenter.no_probe() == KvPrecisionPresenter::NoProbe::kThereAre)
        put_rows(presenter.quality(), "precision|" + name + "|", false, shown.sheet);
    if (!presenter.measured()) return;
    const KvEffect& effect = *presenter.measured();
    put_rows(presenter.effect(), "precision|", true, shown.sheet);
    shown.sheet.erase("precision|Output");  // over pieces of a second, which are no range of the session's
    for (const auto& [side, of] : {std::pair{"before", &effect.before}, std::pair{"after", &effect.after}}) {
        shown.sheet[std::string("precision|fit ") + side] =
            of->fit ? fmt::format("{:.4g} {:.4g}", of->fit->token_ns, of->fit->r2) : "none";
        shown.sheet[std::string("precision|range ") + side] =
            std::to_string(of->range.begin_ns) + " " + std::to_string(of->range.end_ns);
    }
}

void show_precision_charts(const Store& store, TimeRange window, const std::string& name, Shown& shown) {
    KvMemoryPresenter memory(store);
    memory.update(window, std::nullopt);
    Frame::Points& points = shown.frame.points["precision|" + name];
    points = {{}, memory.point_ns()};
    for (const KvMemoryPresenter::Point& point : memory.points()) {
        shown.sheet["precision|" + name + "|" + std::to_string(points.pieces.size())] =
            drawn(point.held_bytes) + " " + drawn(point.cached_bytes) + " " + drawn(point.free_bytes) + " " +
            std::to_string(point.steps) + " " + std::to_string(point.samples);
        points.pieces.emplace_back(point.begin_ns, point.end_ns);
    }
    DraftTimePresenter drafts(store);
    drafts.update(window, std::nullopt);
    for (size_t i = 0; i < drafts.points().size(); ++i) {
        const DraftTimePresenter::Point& point = drafts.points()[i];
        shown.sheet["speculation|" + name + "|" + std::to_string(i)] =
            std::to_string(point.drafted) + " " + std::to_string(point.accepted) + " " +
            format_share(point.wasted_share).toStdString();
    }
}

}  // namespace pitwall::testing
