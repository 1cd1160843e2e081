// SPDX-License-Identifier: GPL-3.0-or-later
//
// The figures strip, the latency panel and the status bar.
#include <cmath>

#include "panels/common/format.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

std::string count(int64_t n) { return format_count(n).toStdString(); }
std::string rate(double per_second, const char* unit) {
    return format_rate(per_second, QString::fromLatin1(unit)).text().toStdString();
}
std::string no_value(const char* unit) { return kNoValue.toStdString() + " " + unit; }
std::string share(double of) { return numbers(format_share(of)); }

void put_goodput(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string ended = "FROM judged WHERE" + within("end_ns", range.begin_ns, range.end_ns);
    const double good = sql.number("SELECT coalesce(sum(good), 0) " + ended);
    const int64_t judged = sql.integer("SELECT coalesce(sum(finished OR failed), 0) " + ended);
    const std::string key = "figures|" + range.name + "|goodput|";
    sheet[key + "value"] = judged == 0 ? no_value("req/s") : rate(good / range.seconds(), "req/s");
    sheet[key + "sub"] = judged == 0 ? ""
                                     : share(good / double(judged)) + " " +
                                           numbers(format_rate(double(judged) / range.seconds(), {}).text());
    sheet[key + "n"] = count(judged);
    sheet[key + "verdict"] = "";
}

std::string samples_of(const std::string& metric, const SqlRange& range) {
    // A TTFT belongs to the moment of its first token, a TPOT to the end, and to requests that finished.
    return metric == "TTFT"
               ? "SELECT request_id, ttft_ns AS v, ttft_met AS met FROM judged WHERE" +
                     within("first_ns", range.begin_ns, range.end_ns)
               : "SELECT request_id, tpot_ns AS v, tpot_met AS met FROM judged WHERE finished AND "
                 "tpot_ns IS NOT NULL AND" +
                     within("end_ns", range.begin_ns, range.end_ns);
}

double objective_ns(SessionSql& sql, const std::string& metric) {
    return 1e6 * sql.knob(metric == "TTFT" ? "ttft_slo_ms" : "tpot_slo_ms");
}

std::string objective_text(double slo_ns) { return QString::number(slo_ns / 1e6).toStdString(); }

void put_latency_tile(SessionSql& sql, const SqlRange& range, const std::string& metric, Sheet& sheet) {
    const std::string samples = samples_of(metric, range);
    const double slo_ns = objective_ns(sql, metric), p95 = sql.quantile(samples, 0.95);
    const std::string key = "figures|" + range.name + (metric == "TTFT" ? "|ttft_p95|" : "|tpot_p95|");
    const bool any = !std::isnan(p95);
    sheet[key + "value"] = any ? format_duration(p95).text().toStdString() : no_value("ms");
    sheet[key + "sub"] = objective_text(slo_ns);
    sheet[key + "n"] = count(sql.integer("SELECT count(*) FROM (" + samples + ")"));
    sheet[key + "verdict"] = !any ? "" : p95 <= slo_ns ? "met" : "missed";
}

void put_histogram(SessionSql& sql, const SqlRange& range, const std::string& metric, const Frame::Bins& bins,
                   Sheet& sheet) {
    const std::string samples = samples_of(metric, range), key = "latency|" + range.name + "|" + metric + "|";
    const int64_t n = sql.integer("SELECT count(*) FROM (" + samples + ")");
    sheet[key + "n"] = count(n);
    sheet[key + "slo"] = objective_text(objective_ns(sql, metric));
    if (n > 0) sheet[key + "slo"] += " " + share(sql.number("SELECT avg(NOT met) FROM (" + samples + ")"));
    for (const int percent : {50, 95, 99})
        if (n > 0)
            sheet[key + "p" + std::to_string(percent)] =
                format_duration(sql.quantile(samples, percent / 100.0)).text().toStdString();
    std::string& counts = sheet[key + "bins"];
    const std::string bin = fmt::format("min({}, CAST(v / {} / {:.17g} AS INTEGER))", bins.count - 1,
                                        fmt::format("{:.1f}", bins.unit_ns), bins.width);
    for (size_t i = 0; i < bins.count; ++i)
        counts += std::to_string(
                      sql.integer(fmt::format("SELECT count(*) FROM ({}) WHERE {} = {}", samples, bin, i))) +
                  " ";
}

void put_engine(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string key = "figures|" + range.name + "|";
    const std::string begun = within("t_ns", range.begin_ns, range.end_ns);
    const double output = sql.number("SELECT count(*) FROM token WHERE" + begun);
    const double prefill = sql.number("SELECT coalesce(sum(prefill_tokens), 0) FROM s WHERE" + begun);
    sheet[key + "output|value"] = rate(output / range.seconds(), "tok/s");
    sheet[key + "output|sub"] = numbers(format_rate(prefill / range.seconds(), {}).text());
    sheet[key + "output|n"] = count(sql.integer("SELECT count(*) FROM s WHERE" + begun));
    const std::string newest = " FROM s ORDER BY step_id DESC LIMIT 1";
    sheet[key + "running|value"] = count(sql.integer("SELECT running" + newest)) + " of " +
                                   count(int64_t(sql.knob("max_num_seqs"))) + " seqs";
    sheet[key + "running|sub"] = count(sql.integer("SELECT waiting" + newest));
    sheet[key + "kv_held|value"] =
        format_fixed(sql.number("SELECT 100.0 * blocks_held / pool" + newest), 1).toStdString() + " %";
    sheet[key + "kv_held|sub"] = share(sql.number("SELECT slots_filled / (blocks_held * 16.0)" + newest));
    for (const char* id : {"output", "running", "kv_held", "prefix_hit"}) sheet[key + id + "|verdict"] = "";
    sheet[key + "running|n"] = sheet[key + "kv_held|n"] = "";
}

void put_prefix_tile(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string key = "figures|" + range.name + "|prefix_hit|";
    const std::string admitted = " FROM r WHERE" + within("scheduled_ns", range.begin_ns, range.end_ns);
    const double hit = sql.number("SELECT sum(cached) * 1.0 / sum(prompt)" + admitted);
    const double evicted =
        sql.number("SELECT count(*) FROM eviction WHERE" + within("t_ns", range.begin_ns, range.end_ns)) /
        range.seconds();
    sheet[key + "value"] = (std::isnan(hit) ? kNoValue : format_fixed(hit * 100, 1)).toStdString() + " %";
    sheet[key + "sub"] = format_fixed(evicted, evicted > 0 && evicted < 10 ? 1 : 0).toStdString();
    sheet[key + "n"] = count(sql.integer("SELECT count(*)" + admitted));
}

/// The last 10 s, whatever the range is.
void put_status(SessionSql& sql, Sheet& sheet) {
    const SqlRange last{"", std::max<int64_t>(0, sql.now_ns - 10'000'000'000), sql.now_ns + 1};
    const std::string begun = within("t_ns", last.begin_ns, last.end_ns);
    sheet["status|steps/s"] =
        rate(sql.number("SELECT count(*) FROM s WHERE" + begun) / last.seconds(), "steps/s");
    const double p50 = sql.quantile("SELECT duration_ns AS v FROM s WHERE" + begun, 0.5);
    sheet["status|step p50"] = std::isnan(p50) ? no_value("ms") : format_duration(p50).text().toStdString();
    sheet["status|tok/s"] =
        rate(sql.number("SELECT count(*) FROM token WHERE" + begun) / last.seconds(), "tok/s");
    sheet["status|dropped"] =
        count(sql.integer("SELECT coalesce(sum(value), 0) FROM main.mark WHERE mark = 4")) + " events";
}

}  // namespace

void compute_ranges(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame, Sheet& sheet) {
    for (const SqlRange& range : ranges) {
        sheet["range|" + range.name] = std::to_string(range.begin_ns) + " " + std::to_string(range.end_ns);
        put_goodput(sql, range, sheet);
        for (const std::string metric : {"TTFT", "TPOT"}) {
            put_latency_tile(sql, range, metric, sheet);
            put_histogram(sql, range, metric, frame.bins.at(range.name + "|" + metric), sheet);
        }
        put_engine(sql, range, sheet);
        put_prefix_tile(sql, range, sheet);
    }
    put_status(sql, sheet);
}

}  // namespace pitwall::testing
