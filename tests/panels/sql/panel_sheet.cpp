// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panels/sql/panel_sheet.h"

#include <QRegularExpression>

#include "panels/changes/changes_presenter.h"
#include "panels/common/panel.h"
#include "panels/device/device_presenter.h"
#include "panels/figures/figures_presenter.h"
#include "panels/knobs/knobs_presenter.h"
#include "panels/latency/latency_presenter.h"
#include "panels/memory/memory_presenter.h"
#include "panels/prefix_cache/prefix_cache_presenter.h"
#include "panels/statusbar/status_bar.h"
#include "panels/throughput/throughput_presenter.h"
#include "panels/throughput/time_chart_panel.h"
#include "panels/transport/session_envelope.h"
#include "panels/workload/workload_presenter.h"
#include "tests/panels/support/fake_control.h"

namespace pitwall::testing {

using namespace panels;
using telemetry::Store;
using telemetry::TimeRange;

std::string numbers(const QString& phrase) {
    static const QRegularExpression kNumber(
        QStringLiteral("[+\u2212]?\\d+(,\\d{3})*(\\.\\d+)?( [kMG]\\b)?|\u2013"));
    std::string found;
    for (auto it = kNumber.globalMatch(phrase); it.hasNext();)
        found += (found.empty() ? "" : " ") + it.next().captured().toStdString();
    return found;
}

std::string drawn(double value) { return QString::number(value, 'g', 9).toStdString(); }

namespace {

struct NamedRange {
    std::string name;
    RangeModel::Mode mode;
    TimeRange dragged;
};

std::vector<NamedRange> ranges() {
    std::vector<NamedRange> all = {{"session", RangeModel::Mode::kSession, {}},
                                   {"last 10 s", RangeModel::Mode::kLast10s, {}},
                                   {"since change", RangeModel::Mode::kSinceChange, {}}};
    for (const DraggedRange& range : kDragged)
        all.push_back({range.name, RangeModel::Mode::kDragged, {range.begin_ns, range.end_ns}});
    return all;
}

void choose(RangeModel& model, const NamedRange& range) {
    model.set_mode(range.mode);
    if (range.mode == RangeModel::Mode::kDragged) model.set_dragged(range.dragged);
}

void show_figures(const Store& store, TimeRange range, const std::string& name, Sheet& sheet) {
    FiguresPresenter presenter;
    presenter.update(store, range, QString());
    for (const FigureTile& tile : presenter.tiles()) {
        const std::string key = "figures|" + name + "|" + tile.id.toStdString() + "|";
        sheet[key + "value"] = tile.value.text().toStdString();
        sheet[key + "sub"] = numbers(tile.sub);
        sheet[key + "n"] = numbers(tile.samples);
        sheet[key + "verdict"] = !tile.verdict ? "" : *tile.verdict == Verdict::kOk ? "met" : "missed";
    }
}

/// They look back from now, whatever the range is.
void show_sparks(const Store& store, Sheet& sheet) {
    FiguresPresenter presenter;
    presenter.update(store, {0, store.now_ns() + 1}, QString());
    for (const FigureTile& tile : presenter.tiles())
        for (size_t i = 0; i < tile.spark.size(); ++i)
            sheet["figures|spark|" + tile.id.toStdString() + "|" + std::to_string(i)] = drawn(tile.spark[i]);
}

void show_latency(const Store& store, TimeRange range, const std::string& name, Shown& shown) {
    LatencyPresenter presenter(store);
    presenter.update(range, QString(), kNoRequest);
    for (const auto which : {LatencyPresenter::kTtft, LatencyPresenter::kTpot}) {
        const LatencyHistogram& histogram = presenter.histogram(which);
        const std::string metric = histogram.name.toStdString(), key = "latency|" + name + "|" + metric + "|";
        shown.frame.bins[name + "|" + metric] = {histogram.unit_ns, histogram.bin_width,
                                                 histogram.counts.size()};
        shown.sheet[key + "n"] = numbers(histogram.samples);
        shown.sheet[key + "slo"] = numbers(histogram.slo.text + u' ' + histogram.slo.missed);
        for (const PercentileLine& line : histogram.percentiles)
            shown.sheet[key + line.text.section(u' ', 0, 0).toStdString()] =
                line.text.section(u' ', 1).section(u',', 0, 0).toStdString();
        std::string& counts = shown.sheet[key + "bins"];
        for (const double count : histogram.counts) counts += drawn(count) + " ";
    }
}

void show_workload(const Store& store, TimeRange window, TimeRange range, const std::string& name,
                   Shown& shown) {
    FakeControl control;
    WorkloadPresenter presenter(store, control);
    presenter.update(window, range, QString(), 0);
    for (const WorkloadPresenter::Row& row : presenter.rows()) {
        const std::string key = "workload|" + name + "|" + row.name.section(u',', 0, 0).toStdString();
        shown.sheet[key] = row.value.text().toStdString();
        shown.sheet[key + "|n"] = numbers(row.name.section(u',', 1));
    }
    std::string& strip = shown.sheet["workload|" + name + "|arrivals"];
    for (const uint64_t arrived : presenter.arrivals()) strip += std::to_string(arrived) + " ";
}

std::string caption_numbers(const Caption& caption) {
    QString text;
    for (const CaptionPart& part : caption.parts) text += part.text + u' ';
    return numbers(text + caption.value.text());
}

void show_throughput(const Store& store, TimeRange window, const std::string& name, Shown& shown) {
    ThroughputPresenter presenter(store);
    for (const auto unit : {ThroughputPresenter::Unit::kTokens, ThroughputPresenter::Unit::kRequests}) {
        presenter.set_unit(unit);
        presenter.update(window, std::nullopt);
        const bool tokens = unit == ThroughputPresenter::Unit::kTokens;
        const std::string key = "throughput|" + name + (tokens ? "|tokens|" : "|requests|");
        shown.sheet[key + "rates"] = caption_numbers(presenter.rate_caption());
        shown.sheet[key + "queue"] = caption_numbers(presenter.queue_caption());
        Frame::Points& points = shown.frame.points["throughput|" + name];
        points = {{}, presenter.point_ns()};
        for (const ThroughputPresenter::Point& point : presenter.points()) {
            const std::string at = key + std::to_string(points.pieces.size());
            points.pieces.emplace_back(point.begin_ns, point.end_ns);
            shown.sheet[at] = drawn(point.lower) + " " + drawn(point.upper) + " " +
                              std::to_string(point.most_running) + " " + std::to_string(point.most_waiting) +
                              " " + std::to_string(point.steps);
        }
    }
}

void show_prefix(const Store& store, TimeRange window, TimeRange range, const std::string& name,
                 Shown& shown) {
    PrefixCachePresenter presenter(store);
    for (const auto unit : {PrefixCachePresenter::Unit::kTokens, PrefixCachePresenter::Unit::kBlocks}) {
        presenter.set_unit(unit);
        presenter.update(window, range, QString(), std::nullopt);
        const bool tokens = unit == PrefixCachePresenter::Unit::kTokens;
        const std::string key = "prefix|" + name + (tokens ? "|tokens|" : "|blocks|");
        shown.sheet[key + "hit rate"] = presenter.hit_caption().value.text().toStdString();
        shown.sheet[key + "evictions"] = presenter.eviction_caption().value.text().toStdString();
        shown.sheet[key + "n"] = numbers(presenter.scope());
        Frame::Points& points = shown.frame.points["prefix|" + name];
        points = {{}, presenter.point_ns()};
        for (const PrefixCachePresenter::Point& point : presenter.points()) {
            std::string& text = shown.sheet[key + std::to_string(points.pieces.size())];
            points.pieces.emplace_back(point.begin_ns, point.end_ns);
            text = std::to_string(point.hits) + " of " + std::to_string(point.asked) + ", missed";
            for (const uint32_t missed : point.misses) text += " " + std::to_string(missed);
            text += ", evicted " + drawn(point.evictions_per_s);
        }
    }
}

}  // namespace

/// What the pool and the process hold is of now; what requests need is of the range.
void show_memory(const Store& store, TimeRange range, const std::string& name, Sheet& sheet) {
    MemoryPresenter presenter(store);
    presenter.update(range, QString());
    const auto text_of = [](const ValueRow& row) {
        QString text;
        for (const ValueCell& cell : row.cells) text += cell.value.text() + QStringLiteral(", ");
        return text.toStdString();
    };
    for (const ValueRow& row : presenter.parts())
        sheet["memory|" + row.name.toStdString()] = text_of(row) + row.exact.toStdString();
    for (const ValueRow& row : presenter.room()) {
        const QStringList of_pool = {QStringLiteral("Room now"), QStringLiteral("Tokens that fit"),
                                     QStringLiteral("Bytes a token"), QStringLiteral("Pool may grow by")};
        const bool of_range = !of_pool.contains(row.name);
        sheet["memory|" + (of_range ? name + "|" : std::string()) + row.name.toStdString()] =
            text_of(row) + numbers(row.note);
    }
}

void show_device(const Store& store, TimeRange range, const std::string& name, Sheet& sheet) {
    DevicePresenter presenter(store);
    presenter.update(range, QString());
    const std::string key = "device|" + name + "|";
    sheet[key + "scope"] = numbers(presenter.scope());
    if (presenter.timed()) sheet[key + "mean step"] = presenter.mean_step().text().toStdString();
    const auto put = [&](const char* table, const std::vector<ValueRow>& rows) {
        for (const ValueRow& row : rows) {
            std::string& text = sheet[key + table + row.name.toStdString()];
            for (const ValueCell& cell : row.cells) text += cell.value.text().toStdString() + ", ";
            text += numbers(row.note);
        }
    };
    put("part|", presenter.part_rows());
    put("rate|", presenter.device_rows());
}

void show_ranges(const Store& store, Shown& shown) {
    RangeModel model;
    for (const NamedRange& range : ranges()) {
        choose(model, range);
        const TimeRange of = model.resolve(store);
        shown.sheet["range|" + range.name] = std::to_string(of.begin_ns) + " " + std::to_string(of.end_ns);
        show_figures(store, of, range.name, shown.sheet);
        show_latency(store, of, range.name, shown);
        show_memory(store, of, range.name, shown.sheet);
        show_device(store, of, range.name, shown.sheet);
        show_precision(store, of, range.name, shown);
        show_speculation(store, of, range.name, shown.sheet);
    }
    show_sparks(store, shown.sheet);
    for (const StatusCell& cell : status_cells(store, {})) {
        const std::string unit = cell.figure.unit.toStdString();
        if (unit == "events/s") continue;  // counted by the window's clock, not a number of the session
        shown.sheet["status|" + (cell.words.isEmpty() ? unit : cell.words.toStdString())] =
            cell.figure.text().toStdString();
    }
}

void show_charts(const Store& store, Shown& shown) {
    RangeModel model;
    for (const NamedRange& range : ranges()) {
        choose(model, range);
        const TimeRange of = model.resolve(store), window = chart_window(model, store);
        show_workload(store, window, of, range.name, shown);
        show_throughput(store, window, range.name, shown);
        show_prefix(store, window, of, range.name, shown);
        show_precision_charts(store, window, range.name, shown);
    }
    SessionEnvelope envelope;
    envelope.update(store);
    for (size_t i = 0; i < envelope.tokens_per_s().size(); ++i)
        shown.sheet["transport|" + std::to_string(i)] = drawn(envelope.tokens_per_s()[i]);
}

void show_knobs(const Store& store, Shown& shown) {
    ChangesPresenter changes(store);
    changes.update();
    for (size_t i = 0; i < changes.rows().size(); ++i) {
        const ChangeRowView& row = changes.rows()[i];
        const ChangeEffect& effect = changes.effects().all()[i];
        const std::string key = "changes|" + std::to_string(row.number) + "|";
        shown.sheet[key + "what"] =
            (row.knob + u' ' + row.values + QStringLiteral(" at ") + row.time).toStdString();
        shown.sheet[key + "n"] =
            std::to_string(effect.before.finished) + " " + std::to_string(effect.after.finished);
        for (const EffectFigure& f : effect.figures)
            shown.sheet[key + f.name.toStdString()] =
                (f.before.text() + QStringLiteral(" \u2192 ") + f.after.text()).toStdString();
        if (effect.telling) {  // the figure that the row itself shows is one of those
            const EffectFigure& f = effect.figures[*effect.telling];
            shown.sheet[key + f.name.toStdString()] =
                (row.before_after.section(u' ', 0, 0) + u' ' + f.before.unit + QStringLiteral(" \u2192 ") +
                 row.before_after.section(u' ', 2) + u' ' + row.unit)
                    .toStdString();
        }
    }
    FakeControl control;
    KnobsPresenter knobs(store, control, true);
    knobs.refresh(0);
    for (const KnobRowView& row : knobs.rows())
        shown.sheet["knobs|" + row.name.toStdString()] =
            row.number.toStdString() + (row.tag == KnobTag::kWas ? " " + row.tag_text.toStdString() : "");
}

Shown panel_sheet(const Store& store, uint64_t last_seq) {
    Shown shown;
    shown.last_seq = last_seq;
    show_ranges(store, shown);
    show_charts(store, shown);
    show_steps(store, shown);
    show_blocks(store, shown);
    show_requests(store, shown);
    show_knobs(store, shown);
    return shown;
}

}  // namespace pitwall::testing
