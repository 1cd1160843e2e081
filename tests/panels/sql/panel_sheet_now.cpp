// SPDX-License-Identifier: GPL-3.0-or-later
//
// The panels that show single steps, blocks and requests.
#include <QStringList>
#include <algorithm>
#include <set>

#include "panels/batch/batch_presenter.h"
#include "panels/kv_block_map/kv_block_map_presenter.h"
#include "panels/requests/requests_presenter.h"
#include "tests/panels/sql/panel_sheet.h"

namespace pitwall::testing {

using namespace panels;
using telemetry::Store;

namespace {

/// The newest ones and a sample of the others.
std::vector<uint64_t> steps_to_read(const Store& store) {
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < store.steps().size(); ++i)
        if (i % 37 == 0 || i + 20 >= store.steps().size()) ids.push_back(store.steps()[i].step.step_id);
    return ids;
}

std::string reading_text(const BatchPresenter& presenter) {
    std::string text;
    for (const BatchReading& item : presenter.reading())
        text += item.name.toStdString() + " " + item.value.toStdString() + ", ";
    return text + presenter.running_text().toStdString();
}

void show_card(const BatchPresenter& presenter, const Store& store, uint64_t id, Sheet& sheet) {
    const std::string key = "batch|step " + std::to_string(id) + "|";
    const BatchCard card = presenter.card(StepId{id}, kNoRequest);
    sheet[key + "card"] =
        numbers(card.title + u' ' + card.aside + u' ' + card.lines[0] + u' ' + card.lines[1]);
    std::set<RequestId> members;
    for (const telemetry::StepMemberRow& member : store.find_step(StepId{id})->members)
        members.insert(member.request);
    for (const RequestId request : members) {
        const BatchCard own = presenter.card(StepId{id}, request);
        std::string& text = sheet[key + own.title.toStdString()];
        for (const QString& line : own.lines) text += numbers(line) + " ";
    }
}

}  // namespace

void show_steps(const Store& store, Shown& shown) {
    BatchPresenter presenter(store);
    presenter.set_size(900, 400, 1);
    presenter.refresh();
    if (presenter.columns().empty()) return;
    shown.frame.first_column = raw(presenter.columns().front().first_id);
    shown.frame.last_column = raw(presenter.columns().back().last_id);
    shown.sheet["batch|scope"] = numbers(presenter.scope());
    shown.sheet["batch|most cached"] = presenter.max_cached_text().toStdString();
    shown.sheet["batch|longest"] = presenter.max_time_text().toStdString();
    const QStringList rows = presenter.csv().split(u'\n', Qt::SkipEmptyParts);
    for (qsizetype i = 1; i < rows.size(); ++i)
        shown.sheet["batch|row " + rows[i].section(u',', 0, 0).toStdString()] = rows[i].toStdString();
    for (const uint64_t id : shown.frame.read_steps = steps_to_read(store)) {
        presenter.set_hover(StepId{id});
        shown.sheet["batch|step " + std::to_string(id) + "|reading"] = reading_text(presenter);
        show_card(presenter, store, id, shown.sheet);
    }
}

void show_blocks(const Store& store, Shown& shown) {
    KvBlockMapPresenter presenter(store);
    presenter.set_size(900, 600, 1);
    const std::pair<KvMode, const char*> modes[] = {{KvMode::kState, "state"},
                                                    {KvMode::kOwner, "owner"},
                                                    {KvMode::kAge, "age"},
                                                    {KvMode::kFill, "fill"},
                                                    {KvMode::kPrecision, "precision"}};
    for (const auto& [mode, name] : modes) {
        presenter.set_mode(mode);
        presenter.refresh();
        std::string& legend = shown.sheet[std::string("blocks|legend by ") + name];
        for (const KvLegendRow& row : presenter.legend())
            legend +=
                row.name.toStdString() + " " + row.count.toStdString() + " " + row.share.toStdString() + "\n";
    }
    shown.sheet["blocks|held"] = presenter.held_text().toStdString();
    shown.sheet["blocks|slots filled"] = presenter.slots_text().toStdString();
    const QStringList rows = presenter.csv().split(u'\n', Qt::SkipEmptyParts);
    shown.sheet["blocks|pool"] = std::to_string(rows.size() - 1);
    for (qsizetype i = 1; i < rows.size(); ++i)
        shown.sheet["blocks|block " + rows[i].section(u',', 0, 0).toStdString()] = rows[i].toStdString();
    for (const auto& [id, row] : store.requests()) {
        if (row.ended()) continue;
        presenter.set_selection(id, kNoBlock);
        presenter.refresh();
        shown.sheet["blocks|of " + std::to_string(raw(id))] =
            std::to_string(presenter.request_blocks()) + " " + numbers(presenter.request_note());
    }
}

void show_requests(const Store& store, Shown& shown) {
    RequestsPresenter presenter(store);
    presenter.refresh();
    shown.sheet["requests|scope"] = numbers(presenter.scope());
    shown.sheet["requests|shown"] = std::to_string(presenter.order().size());
    for (const RequestId id : presenter.order()) {
        const telemetry::RequestRow& row = *presenter.row(id);
        const std::string key = "requests|" + std::to_string(raw(id)) + "|";
        for (int column = 0; column < kRequestColumns; ++column)
            shown.sheet[key + column_title(RequestColumn(column)).toStdString()] =
                cell_text(row, RequestColumn(column)).toStdString();
        const SloLimits slo = presenter.slo();
        shown.sheet[key + "missed"] = std::string(missed(row, RequestColumn::kTtft, slo) ? "TTFT " : "") +
                                      (missed(row, RequestColumn::kTpot, slo) ? "TPOT" : "");
        shown.sheet[key + "tokens"] = numbers(detail_phrase(row));
        shown.sheet[key + "time"] = detail_time(row, store.now_ns()).toStdString();
        std::string& causes = shown.sheet[key + "causes"];
        for (const CauseSlice& slice : cause_slices(row))
            causes += std::to_string(int(slice.cause)) + ":" + std::to_string(slice.ns) + " ";
    }
}

}  // namespace pitwall::testing
