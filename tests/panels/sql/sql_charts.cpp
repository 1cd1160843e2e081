// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is drawn over time: throughput, prefix cache, workload, the sparklines and the envelope of the session.
#include <algorithm>
#include <cmath>

#include "panels/common/format.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

constexpr int64_t kSecond = 1'000'000'000, kBack = 12 * kSecond;

double count_in(SessionSql& sql, const char* table, const char* column, int64_t begin_ns, int64_t end_ns,
                const char* what = "count(*)") {
    return sql.number(fmt::format("SELECT coalesce({}, 0) FROM {} WHERE {}", what, table,
                                  within(column, begin_ns, end_ns)));
}

struct Rates {
    double lower = 0, upper = 0;
};

/// Of a point and the one before it; the newest lasts as long as it did so far, a quarter at least.
Rates rates(SessionSql& sql, const Frame::Points& points, size_t i, bool tokens) {
    const auto [own, end] = points.pieces[i];
    if (sql.now_ns - own < (end - own) / 2) return {};  // too young to be drawn
    const int64_t begin = i > 0 ? points.pieces[i - 1].first : own;
    const double seconds =
        double(std::clamp<int64_t>(sql.now_ns - begin, points.piece_ns / 4, end - begin)) / 1e9;
    if (tokens)
        return {count_in(sql, "token", "t_ns", begin, end) / seconds,
                count_in(sql, "s", "t_ns", begin, end, "sum(prefill_tokens)") / seconds};
    return {count_in(sql, "r", "end_ns", begin, end, "sum(finished)") / seconds,
            count_in(sql, "r", "arrival_ns", begin, end) / seconds};
}

std::string queue(SessionSql& sql, std::pair<int64_t, int64_t> piece) {
    const std::string begun = " FROM s WHERE" + within("t_ns", piece.first, piece.second);
    return sql.text(
        "SELECT coalesce(max(running), 0) || ' ' || coalesce(max(waiting), 0) || ' ' || count(*)" + begun);
}

void put_throughput(SessionSql& sql, const std::string& range, const Frame::Points& points, Sheet& sheet) {
    for (const bool tokens : {true, false}) {
        const std::string key = "throughput|" + range + (tokens ? "|tokens|" : "|requests|");
        Rates newest;
        std::string most = "0 0 0";
        for (size_t i = 0; i < points.pieces.size(); ++i) {
            const Rates here = rates(sql, points, i, tokens);
            const std::string requests = queue(sql, points.pieces[i]);
            sheet[key + std::to_string(i)] = drawn(here.lower) + " " + drawn(here.upper) + " " + requests;
            const auto [begin, end] = points.pieces[i];
            if (sql.now_ns - begin >= (end - begin) / 2) newest = here, most = requests;
        }
        sheet[key + "rates"] =
            numbers(format_rate(newest.lower, {}).number + u' ' + format_rate(newest.upper, {}).number);
        sheet[key + "queue"] = most.substr(0, most.rfind(' '));  // without the number of steps
    }
}

std::string hits(bool tokens) {
    return tokens ? "sum(cached)" : "sum(cached / 16)";  // whole blocks only
}
std::string asked(bool tokens) { return tokens ? "sum(prompt)" : "sum(prompt / 16)"; }

std::string prefix_point(SessionSql& sql, const Frame::Points& points, size_t i, bool tokens) {
    const auto [begin, end] = points.pieces[i];
    const std::string looked_back =
        " FROM r WHERE" + within("scheduled_ns", end - std::max(kBack, points.piece_ns), end);
    std::string text = sql.text(fmt::format("SELECT coalesce({}, 0) || ' of ' || coalesce({}, 0){}",
                                            hits(tokens), asked(tokens), looked_back)) +
                       ", missed";
    for (int reason = 0; reason < 5; ++reason)
        text += " " + sql.text(fmt::format("SELECT count(*){} AND miss = {}", looked_back, reason));
    const int64_t lasted = std::clamp<int64_t>(sql.now_ns - begin, points.piece_ns / 4, points.piece_ns);
    return text + ", evicted " +
           drawn(count_in(sql, "eviction", "t_ns", begin, begin + points.piece_ns) * 1e9 / double(lasted));
}

void put_prefix(SessionSql& sql, const SqlRange& range, const Frame::Points& points, Sheet& sheet) {
    for (const bool tokens : {true, false}) {
        const std::string key = "prefix|" + range.name + (tokens ? "|tokens|" : "|blocks|");
        const std::string admitted = " FROM r WHERE" + within("scheduled_ns", range.begin_ns, range.end_ns);
        const double hit =
            sql.number(fmt::format("SELECT {} * 1.0 / {}{}", hits(tokens), asked(tokens), admitted));
        sheet[key + "hit rate"] = std::isnan(hit)
                                      ? kNoValue.toStdString()
                                      : (format_fixed(hit * 100, 1) + QStringLiteral(" %")).toStdString();
        const double now =
            count_in(sql, "eviction", "t_ns", sql.now_ns - 2 * kSecond + 1, sql.now_ns + 1) / 2;
        sheet[key + "evictions"] = format_fixed(now, 0).toStdString() + " blocks/s";
        sheet[key + "n"] = format_count(sql.integer("SELECT count(*)" + admitted)).toStdString();
        for (size_t i = 0; i < points.pieces.size(); ++i)
            sheet[key + std::to_string(i)] = prefix_point(sql, points, i, tokens);
    }
}

std::string median_tokens(SessionSql& sql, const std::string& select_v) {
    const double p50 = sql.quantile(select_v, 0.5);
    return std::isnan(p50) ? kNoValue.toStdString()
                           : format_count(std::llround(p50)).toStdString() + " tokens";
}

void put_workload(SessionSql& sql, const SqlRange& range, const Frame::Points& points, Sheet& sheet) {
    const std::string key = "workload|" + range.name + "|";
    const std::string came = " FROM r WHERE" + within("arrival_ns", range.begin_ns, range.end_ns);
    const std::string ended = " FROM r WHERE finished AND" + within("end_ns", range.begin_ns, range.end_ns);
    const int64_t arrived = sql.integer("SELECT count(*)" + came);
    sheet[key + "Arrived"] =
        format_rate(double(arrived) / range.seconds(), QStringLiteral("req/s")).text().toStdString();
    sheet[key + "Prompt p50"] = median_tokens(sql, "SELECT prompt AS v" + came);
    sheet[key + "Prompt p50|n"] = format_count(arrived).toStdString();
    sheet[key + "Output p50"] = median_tokens(sql, "SELECT output AS v" + ended);
    sheet[key + "Output p50|n"] = format_count(sql.integer("SELECT count(*)" + ended)).toStdString();
    const double shared = sql.number("SELECT sum(cached) * 1.0 / sum(prompt) FROM r WHERE" +
                                     within("scheduled_ns", range.begin_ns, range.end_ns));
    sheet[key + "Prompt tokens shared"] =
        (std::isnan(shared) ? kNoValue : format_fixed(shared * 100, 1) + QStringLiteral(" %")).toStdString();
    sheet[key + "Arrived|n"] = sheet[key + "Prompt tokens shared|n"] = "";
    std::string& strip = sheet[key + "arrivals"];
    for (const auto& [begin, end] : points.pieces)
        strip += drawn(count_in(sql, "r", "arrival_ns", begin, end)) + " ";
}

/// Output tokens a second, in whole seconds from the first step's on.
void put_envelope(SessionSql& sql, Sheet& sheet) {
    const int64_t begin = sql.integer("SELECT min(t_ns) / 1000000000 * 1000000000 FROM s");
    for (int64_t i = 0; begin + (i + 1) * kSecond <= sql.now_ns; ++i)
        sheet["transport|" + std::to_string(i)] =
            drawn(count_in(sql, "token", "t_ns", begin + i * kSecond, begin + (i + 1) * kSecond));
}

}  // namespace

void compute_charts(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame, Sheet& sheet) {
    for (const SqlRange& range : ranges) {
        put_throughput(sql, range.name, frame.points.at("throughput|" + range.name), sheet);
        put_prefix(sql, range, frame.points.at("prefix|" + range.name), sheet);
        put_workload(sql, range, frame.points.at("throughput|" + range.name), sheet);
    }
    put_envelope(sql, sheet);
}

/// 60 pieces of the last 120 s: percentiles and goodput of the 12 s before each piece's end, the others of the piece.
void compute_sparks(SessionSql& sql, Sheet& sheet) {
    constexpr int64_t kPiece = 2 * kSecond;
    const auto put = [&](const char* tile, int i, double value) {
        sheet[fmt::format("figures|spark|{}|{}", tile, i)] = drawn(value);
    };
    double hit = std::nan("");
    for (int i = 0; i < 60; ++i) {
        const int64_t begin = sql.now_ns - 120 * kSecond + i * kPiece, end = begin + kPiece;
        const int64_t from = end - kBack + 1,
                      to = end + 1;  // the piece's end belongs to what it looks back on
        put("ttft_p95", i,
            sql.quantile("SELECT ttft_ns / 1e6 AS v FROM r WHERE" + within("first_ns", from, to), .95));
        put("tpot_p95", i,
            sql.quantile("SELECT tpot_ns / 1e6 AS v FROM r WHERE finished AND tpot_ns IS NOT NULL AND" +
                             within("end_ns", from, to),
                         .95));
        const double good = count_in(sql, "judged", "end_ns", from, to, "sum(good)");
        put("goodput", i,
            end <= 0 ? std::nan("") : good * 1e9 / double(std::min(kBack, std::max(kPiece, end))));
        // The session's first piece lasts as long as the session did in it, a quarter at least.
        const double lasted = double(std::clamp(end, kPiece / 4, kPiece)) / 1e9;
        put("output", i, end <= 0 ? std::nan("") : count_in(sql, "token", "t_ns", begin, end) / lasted);
        const std::string begun = " FROM s WHERE" + within("t_ns", begin, end);
        put("running", i, sql.number("SELECT avg(running)" + begun));
        put("kv_held", i, sql.number("SELECT avg(100.0 * blocks_held / pool)" + begun));
        const double own = sql.number("SELECT 100.0 * sum(cached) / sum(prompt) FROM r WHERE" +
                                      within("scheduled_ns", begin, end));
        if (!std::isnan(own)) hit = own;  // nothing was admitted: it stays what it was
        put("prefix_hit", i, hit);
    }
}

}  // namespace pitwall::testing
