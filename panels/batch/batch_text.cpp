// SPDX-License-Identifier: GPL-3.0-or-later
//
// The words and figures of the batch panel, and what zooming and panning do to it.
#include <QStringList>
#include <algorithm>
#include <array>

#include "panels/batch/batch_presenter.h"
#include "panels/common/format.h"
#include "panels/common/time_axis.h"

namespace pitwall::panels {
namespace {

using telemetry::StepEvent;
using telemetry::StepMemberRow;
using telemetry::StepRow;
using telemetry::WorkKind;

constexpr int kLabelSpacing = 90;

const char* work_name(WorkKind work) {
    switch (work) {
        case WorkKind::kPrefill:
            return "prefill";
        case WorkKind::kRecompute:
            return "recompute";
        case WorkKind::kDraft:
            return "draft";
        default:
            return "decode";
    }
}

uint32_t tokens_of(const StepEvent& s) {
    return s.prefill_tokens + s.recompute_tokens + s.decode_tokens + s.draft_tokens;
}

uint64_t nice_step(double at_least) {
    uint64_t decade = 1;
    while (double(decade) * 10 < at_least) decade *= 10;
    for (const uint64_t factor : {1, 2, 5, 10})
        if (double(decade * factor) >= at_least) return decade * factor;
    return decade * 10;
}

QString duration(int64_t ns) { return format_duration(static_cast<double>(ns)).text(); }

/// A draft model's reading is booked to the next step with drafts: then it is longer than the step has room for.
QString drafting(const StepRow& row) {
    const StepEvent& s = row.step;
    int64_t took_ns = 0;
    for (const telemetry::DraftRow& draft : row.drafts) took_ns += draft.draft_ns;
    const bool before = took_ns > s.duration_ns - s.execute_ns - s.sample_ns - s.commit_ns;
    return QStringLiteral("draft %1%2, ")
        .arg(duration(took_ns), before ? QStringLiteral(" with reading before it") : QString());
}

QString parts(const StepRow& row) {
    const StepEvent& s = row.step;
    return QStringLiteral("plan %1, %2execute %3, sample %4, commit %5")
        .arg(duration(s.plan_ns), row.drafts.empty() ? QString() : drafting(row), duration(s.execute_ns),
             duration(s.sample_ns), duration(s.commit_ns));
}

}  // namespace

void BatchPresenter::zoom(int levels, int x) {
    axis_.zoom(levels, right_pixel_ - (bands_.right - x), store_.steps(), bands_.right - bands_.left);
    dirty_ = true;
}

void BatchPresenter::pan(int pixels) {
    axis_.pan(pixels, store_.steps(), bands_.right - bands_.left);
    dirty_ = true;
}

void BatchPresenter::follow() {
    axis_.follow();
    dirty_ = true;
}

const StepRow* BatchPresenter::step(std::optional<StepId> id) const {
    return id ? store_.find_step(*id) : nullptr;
}

const StepRow* BatchPresenter::read_step() const {
    if (const StepRow* row = step(hover_)) return row;
    if (const StepRow* row = step(step_)) return row;
    return store_.steps().empty() ? nullptr : &store_.steps().back();
}

std::vector<BatchLabel> BatchPresenter::axis_labels() const {
    std::vector<BatchLabel> labels;
    if (columns_.empty()) return labels;
    const int spacing = px(kLabelSpacing), margin = px(24);
    const auto add = [&](int64_t pixel, const QString& text) {
        const int x = x_of(pixel);
        if (x >= bands_.left + margin && x <= bands_.right - margin) labels.push_back({x, bands_.axis, text});
    };
    if (axis_.mode() == BatchAxis::Mode::kTime) {
        const int64_t span = axis_.ns_per_pixel() * (bands_.right - bands_.left);
        const int64_t tick = nice_time_step(span, std::max(1, (bands_.right - bands_.left) / spacing));
        const int64_t end = (right_pixel_ + 1) * axis_.ns_per_pixel();
        for (int64_t t = std::max<int64_t>(0, (end - span) / tick * tick); t <= end; t += tick)
            add(axis_.at_time(t), tick >= 100'000'000
                                      ? format_clock(t)
                                      : format_fixed(double(t) / 1e9, 3) + QStringLiteral(" s"));
        return labels;
    }
    const uint64_t every = nice_step(spacing / axis_.pixels_per_step());
    const uint64_t first = raw(columns_.front().first_id), last = raw(columns_.back().last_id);
    // Step ids of a damaged recording: no engine counts so far, and places of theirs would leave the range of int64_t.
    constexpr uint64_t kLastStep = uint64_t{1} << 53;
    if (last > kLastStep || last < first || last - first > every * 1000) return labels;
    for (uint64_t id = (first + every - 1) / every * every; id <= last; id += every)
        add(static_cast<int64_t>(double(id) * axis_.pixels_per_step()),
            format_count(static_cast<int64_t>(id)));
    return labels;
}

QString BatchPresenter::max_cached_text() const {
    return format_count_short(max_cached_) + QStringLiteral(" tok");
}
QString BatchPresenter::max_time_text() const { return duration(max_time_ns_); }

QString BatchPresenter::running_text() const {
    const StepRow* row = read_step();
    return row ? format_count(row->step.running) + QStringLiteral(" seqs") : QString();
}

QString BatchPresenter::budget_text() const {
    if (budgets_.empty()) return {};
    const BatchBudget& newest = budgets_.back();
    const QString text = QStringLiteral("max_num_batched_tokens ") + format_count(newest.tokens);
    return newest.y < 0 ? text + QStringLiteral(", above") : text;
}

QString BatchPresenter::reading_title() const {
    const StepRow* row = read_step();
    return row ? QStringLiteral("step %1, tokens").arg(format_count(static_cast<int64_t>(row->step.step_id)))
               : QString();
}

std::vector<BatchReading> BatchPresenter::reading() const {
    const StepRow* row = read_step();
    if (!row) return {};
    const StepEvent& s = row->step;
    std::vector<BatchReading> items;
    const auto add = [&](BatchRole role, const char* name, uint32_t tokens) {
        items.push_back({role, QString::fromLatin1(name), format_count_short(tokens)});
    };
    add(BatchRole::kPrefill, "prefill", s.prefill_tokens);
    add(BatchRole::kDecode, "decode", s.decode_tokens);
    if (s.draft_tokens) add(BatchRole::kDraft, "draft", s.draft_tokens);
    if (s.recompute_tokens) add(BatchRole::kRecompute, "recompute", s.recompute_tokens);
    add(BatchRole::kCached, "cached", s.cached_tokens);
    const uint32_t used = tokens_of(s);
    if (used > s.budget_tokens) {
        items.push_back(
            {BatchRole::kUnused, QStringLiteral("over budget"), format_count_short(used - s.budget_tokens)});
    } else {
        add(BatchRole::kUnused, "unused", s.budget_tokens - used);
    }
    return items;
}

BatchCard BatchPresenter::card(StepId id, RequestId request) const {
    const StepRow* row = store_.find_step(id);
    if (!row) return {};
    const StepEvent& s = row->step;
    const QString number = format_count(static_cast<int64_t>(s.step_id));
    if (request == kNoRequest) {
        const QString load = QStringLiteral("%1 of %2 tokens, %3 running, %4 waiting")
                                 .arg(format_count(tokens_of(s)), format_count(s.budget_tokens),
                                      format_count(s.running), format_count(s.waiting));
        return {QStringLiteral("Step ") + number, duration(s.duration_ns), {load, parts(*row)}, kNoRequest};
    }
    BatchCard card{format_request(raw(request)), QStringLiteral("step ") + number, {}, request};
    uint32_t blocks = 0;
    QStringList work;
    for (const StepMemberRow& m : row->members) {
        if (m.request != request) continue;
        blocks = m.blocks;
        work << QStringLiteral("%1 %2 %3 from position %4")
                    .arg(QLatin1String(work_name(m.work)), format_count(m.tokens),
                         m.tokens == 1 ? QStringLiteral("token") : QStringLiteral("tokens"),
                         format_count(m.first_position));
    }
    card.lines.push_back(work.isEmpty() ? QStringLiteral("not in this step")
                                        : work.join(QStringLiteral(", ")));
    if (blocks)
        card.lines.push_back(
            QStringLiteral("%1 blocks, step of %2").arg(format_count(blocks), duration(s.duration_ns)));
    return card;
}

QString BatchPresenter::scope() const {
    if (columns_.empty()) return {};
    const StepRow* first = store_.find_step(columns_.front().first_id);
    const StepRow* last = store_.find_step(columns_.back().last_id);
    if (!first || !last) return {};
    const QString span = duration(last->start_ns + last->step.duration_ns - first->start_ns);
    const auto number = [](const StepRow* row) {
        return format_count(static_cast<int64_t>(row->step.step_id));
    };
    if (!axis_.follows()) return QStringLiteral("steps %1 to %2, %3").arg(number(first), number(last), span);
    const size_t shown = columns_.back().first + columns_.back().count - columns_.front().first;
    return QStringLiteral("last %1 steps, %2").arg(format_count(static_cast<int64_t>(shown)), span);
}

QString BatchPresenter::csv() const {
    QString out = QStringLiteral(
        "step,start_ns,duration_ns,prefill_tokens,recompute_tokens,decode_tokens,draft_tokens,cached_tokens,"
        "budget_tokens,"
        "running,waiting,blocks_held,blocks_cached,blocks_free,members\n");
    if (columns_.empty()) return out;
    for (const StepRow& row : store_.steps()) {
        const StepEvent& s = row.step;
        if (s.step_id < raw(columns_.front().first_id) || s.step_id > raw(columns_.back().last_id)) continue;
        QStringList fields{QString::number(s.step_id), QString::number(row.start_ns),
                           QString::number(s.duration_ns)};
        for (const uint32_t value :
             {s.prefill_tokens, s.recompute_tokens, s.decode_tokens, s.draft_tokens, s.cached_tokens,
              s.budget_tokens, s.running, s.waiting, s.blocks_held, s.blocks_cached, s.blocks_free})
            fields << QString::number(value);
        QStringList members;
        for (const StepMemberRow& m : row.members)
            members << QStringLiteral("%1:%2:%3")
                           .arg(format_request(raw(m.request)), QLatin1String(work_name(m.work)))
                           .arg(m.tokens);
        out += fields.join(u',') + u',' + members.join(u' ') + u'\n';
    }
    return out;
}

}  // namespace pitwall::panels
