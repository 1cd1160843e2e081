// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/request_text.h"

#include <QStringList>
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "panels/common/format.h"
#include "panels/common/theme.h"
#include "panels/knobs/knob_text.h"
#include "presets/knob.h"
#include "telemetry/stats/metrics.h"

namespace pitwall::panels {
namespace {

using telemetry::Cause;
using telemetry::FinishReason;
using telemetry::RequestRow;
using telemetry::RequestState;

constexpr size_t kCauses = static_cast<size_t>(Cause::kCount);
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct ColumnText {
    const char *title, *help;
};
constexpr std::array<ColumnText, kRequestColumns> kColumns = {{
    {"request", "Number in this session; the colour is the request's own in every panel"},
    {"state", "What it is doing, or how it ended"},
    {"prompt", "Prompt length, tokens"},
    {"cached", "Prompt tokens taken from the prefix cache, % of the prompt"},
    {"output", "Tokens made so far"},
    {"blocks", "Length of its block table, blocks"},
    {"TTFT", "Time to first token: first token \u2212 arrival"},
    {"TPOT", "Time per output token: (last \u2212 first token) / (output tokens \u2212 1)"},
    {"where the time went",
     "Every nanosecond since arrival by its cause, on one scale for the rows in sight"},
}};
constexpr std::array<const char*, kCauses> kShortCauses = {
    "capacity",    "budget wait",     "policy wait", "paused",        "not in step", "recorder",
    "own prefill", "others' prefill", "decode",      "drafts",        "preempted",   "KV move",
    "sampling",    "scheduling",      "delivery",    "device restart"};

const char* reason_name(FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop:
            return "stop";
        case FinishReason::kLength:
            return "length";
        case FinishReason::kRejected:
            return "rejected";
        case FinishReason::kCancelled:
            return "cancelled";
        case FinishReason::kTimeout:
            return "timeout";
        case FinishReason::kFailed:
            return "failed";
        default:
            return "ended";
    }
}

double cached_share(const RequestRow& row) {
    return row.prompt_tokens ? double(row.cached_tokens) / row.prompt_tokens : kUnknown;
}

double not_negative(double value) { return value < 0 ? kUnknown : value; }

}  // namespace

QString column_title(RequestColumn column) {
    return QString::fromUtf8(kColumns.at(static_cast<size_t>(column)).title);
}
QString column_help(RequestColumn column) {
    return QString::fromUtf8(kColumns.at(static_cast<size_t>(column)).help);
}
bool is_number(RequestColumn column) {
    return column >= RequestColumn::kPrompt && column <= RequestColumn::kTpot;
}

QString state_text(const RequestRow& row) {
    switch (row.state) {
        case RequestState::kWaiting:
            return QStringLiteral("waiting");
        case RequestState::kPrefill:
            return QStringLiteral("prefill");
        case RequestState::kDecode:
            return QStringLiteral("decode");
        case RequestState::kPreempted:
            return QStringLiteral("preempted");
        default:
            return QLatin1String(reason_name(row.finish_reason));
    }
}

QString cell_text(const RequestRow& row, RequestColumn column) {
    switch (column) {
        case RequestColumn::kRequest:
            return format_request(raw(row.id));
        case RequestColumn::kState:
            return state_text(row);
        case RequestColumn::kPrompt:
            return format_count(row.prompt_tokens);
        case RequestColumn::kCached:
            return row.scheduled_ns < 0 && row.first_token_ns < 0 ? kNoValue
                                                                  : format_share(cached_share(row), 0);
        case RequestColumn::kOutput:
            return format_count(row.output_tokens);
        case RequestColumn::kBlocks:
            return format_count(row.blocks);
        case RequestColumn::kTtft:
            return format_duration(static_cast<double>(row.ttft_ns())).text();
        case RequestColumn::kTpot:
            return format_duration(row.tpot_ns()).text();
        default:
            return format_duration(static_cast<double>(cause_total_ns(row))).text();
    }
}

double sort_value(const RequestRow& row, RequestColumn column) {
    switch (column) {
        case RequestColumn::kState:
            return double(row.state) * 16 + double(row.finish_reason);
        case RequestColumn::kPrompt:
            return row.prompt_tokens;
        case RequestColumn::kCached:
            return cached_share(row);
        case RequestColumn::kOutput:
            return row.output_tokens;
        case RequestColumn::kBlocks:
            return row.blocks;
        case RequestColumn::kTtft:
            return not_negative(static_cast<double>(row.ttft_ns()));
        case RequestColumn::kTpot:
            return not_negative(row.tpot_ns());
        case RequestColumn::kCauses:
            return static_cast<double>(cause_total_ns(row));
        default:
            return raw(row.id);
    }
}

std::vector<CauseSlice> cause_slices(const RequestRow& row) {
    std::vector<CauseSlice> slices;
    for (size_t i = 0; i < kCauses; ++i)
        if (row.cause_ns[i] > 0) slices.push_back({static_cast<Cause>(i), row.cause_ns[i]});
    return slices;
}

int64_t cause_total_ns(const RequestRow& row) {
    int64_t total = 0;
    for (const int64_t ns : row.cause_ns) total += std::max<int64_t>(ns, 0);
    return total;
}

std::vector<CauseSlice> longest_slices(const RequestRow& row, size_t count) {
    std::vector<CauseSlice> slices = cause_slices(row);
    std::stable_sort(slices.begin(), slices.end(),
                     [](const CauseSlice& a, const CauseSlice& b) { return a.ns > b.ns; });
    slices.resize(std::min(slices.size(), count));
    std::sort(slices.begin(), slices.end(),
              [](const CauseSlice& a, const CauseSlice& b) { return a.cause < b.cause; });
    return slices;
}

const char* short_cause_name(Cause cause) { return kShortCauses.at(static_cast<size_t>(cause)); }

QString cause_table(const RequestRow& row) {
    const int64_t total = cause_total_ns(row);
    QStringList lines{QStringLiteral("%1, %2 since arrival")
                          .arg(format_request(raw(row.id)), format_duration(double(total)).text())};
    for (const CauseSlice& slice : cause_slices(row))
        lines << QStringLiteral("%1  %2, %3")
                     .arg(QLatin1String(cause_name(slice.cause)), format_duration(double(slice.ns)).text(),
                          format_share(double(slice.ns) / double(total)));
    return lines.join(u'\n');
}

SloLimits slo_limits(const telemetry::Store& store) {
    const KnobNumbers numbers(store);
    const auto limit = [&](presets::KnobId id) {
        const telemetry::KnobState& knob = numbers.state(id);
        return knob.known ? knob.last.effective_value * 1e6 : -1;
    };
    return {limit(presets::KnobId::kTtftSloMs), limit(presets::KnobId::kTpotSloMs)};
}

bool missed(const RequestRow& row, RequestColumn column, const SloLimits& slo) {
    const telemetry::RequestTimes times = telemetry::times_of(row);
    const telemetry::Slo limits{slo.ttft_ns, slo.tpot_ns};
    if (column == RequestColumn::kTtft)
        return row.first_token_ns >= 0 && !telemetry::meets_ttft(times, limits);
    return column == RequestColumn::kTpot && !telemetry::meets_tpot(times, limits);
}

QString detail_phrase(const RequestRow& row) {
    const QString state = row.ended() ? QStringLiteral("ended: ") + state_text(row) : state_text(row);
    return QStringLiteral("%1, %2 tokens")
        .arg(state, format_count(int64_t{row.prompt_tokens} + row.output_tokens));
}

QString detail_time(const RequestRow& row, int64_t now_ns) {
    if (row.arrival_ns < 0) return {};
    const int64_t end = row.end_ns >= 0 ? row.end_ns : now_ns;
    const QString time =
        format_duration(static_cast<double>(std::max<int64_t>(0, end - row.arrival_ns))).text();
    return row.ended() ? time : time + QStringLiteral(" so far");
}

QString csv_header() {
    QStringList fields{"request",        "class",       "state",         "finish_reason", "arrival_ns",
                       "first_token_ns", "end_ns",      "prompt_tokens", "cached_tokens", "output_tokens",
                       "blocks",         "preemptions", "ttft_ns",       "tpot_ns",       "e2e_ns"};
    for (size_t i = 0; i < kCauses; ++i) {
        QString name = QString::fromLatin1(cause_name(static_cast<Cause>(i)));
        fields << name.replace(u' ', u'_').remove(u'\'') + QStringLiteral("_ns");
    }
    return fields.join(u',') + u'\n';
}

QString csv_line(const RequestRow& row, const telemetry::Store& store) {
    const auto known = [](int64_t ns) { return ns < 0 ? QString() : QString::number(ns); };
    const std::string_view name = store.text(telemetry::DictionaryKind::kRequestClass, row.request_class);
    QString class_name = QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
    class_name.replace(u'"', QStringLiteral("\"\""));
    QStringList fields{format_request(raw(row.id)),
                       u'"' + class_name + u'"',
                       row.ended() ? QStringLiteral("ended") : state_text(row),
                       row.ended() ? state_text(row) : QString(),
                       known(row.arrival_ns),
                       known(row.first_token_ns),
                       known(row.end_ns)};
    for (const uint32_t n :
         {row.prompt_tokens, row.cached_tokens, row.output_tokens, row.blocks, row.preemptions})
        fields << QString::number(n);
    fields << known(row.ttft_ns()) << (row.tpot_ns() < 0 ? QString() : QString::number(row.tpot_ns(), 'f', 0))
           << known(row.e2e_ns());
    for (const int64_t ns : row.cause_ns) fields << QString::number(ns);
    return fields.join(u',') + u'\n';
}

}  // namespace pitwall::panels
