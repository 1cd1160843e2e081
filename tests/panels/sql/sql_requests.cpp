// SPDX-License-Identifier: GPL-3.0-or-later
//
// The requests table, the knobs, and what each change did.
#include <algorithm>
#include <cmath>

#include "panels/common/format.h"
#include "panels/knobs/knob_text.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

constexpr const char* kState =
    "CASE WHEN end_ns IS NOT NULL THEN CASE reason WHEN 1 THEN 'stop' WHEN 2 THEN 'length' WHEN 3 THEN "
    "'rejected' WHEN 4 "
    "THEN 'cancelled' WHEN 5 THEN 'timeout' ELSE 'failed' END "
    "ELSE CASE last_phase WHEN 0 THEN 'waiting' WHEN 3 THEN 'prefill' WHEN 7 THEN 'prefill' WHEN 6 THEN "
    "'preempted' "
    "ELSE 'decode' END END";

/// The length of a block table as the newest event that names the request tells it, steps' members included.
std::string blocks_of(SessionSql& sql, const std::string& id, uint64_t last_seq) {
    return sql.text(
        fmt::format("SELECT blocks FROM (SELECT seq, blocks FROM seen_request WHERE request_id = {0} UNION "
                    "ALL SELECT seq, blocks FROM "
                    "main.step_member WHERE request_id = {0} AND seq <= {1}) ORDER BY seq DESC LIMIT 1",
                    id, last_seq));
}

void put_request(SessionSql& sql, const std::string& id, Sheet& sheet) {
    const std::string of = " FROM judged WHERE request_id = " + id, key = "requests|" + id + "|";
    const auto get = [&](const char* column) { return sql.number(std::string("SELECT ") + column + of); };
    const auto duration = [&](const char* column) {
        const double value = get(column);
        return std::isnan(value) ? kNoValue.toStdString() : format_duration(value).text().toStdString();
    };
    sheet[key + "request"] = format_request(uint32_t(std::stoul(id))).toStdString();
    sheet[key + "state"] = sql.text(std::string("SELECT ") + kState + of);
    sheet[key + "prompt"] = format_count(int64_t(get("prompt"))).toStdString();
    sheet[key + "cached"] = std::isnan(get("scheduled_ns"))
                                ? kNoValue.toStdString()
                                : format_share(get("cached * 1.0 / prompt"), 0).toStdString();
    sheet[key + "output"] = format_count(int64_t(get("output"))).toStdString();
    sheet[key + "TTFT"] = duration("ttft_ns");
    sheet[key + "TPOT"] = duration("tpot_ns");
    sheet[key + "missed"] = std::string(get("first_ns IS NOT NULL AND NOT ttft_met") != 0 ? "TTFT " : "") +
                            (get("NOT tpot_met") != 0 ? "TPOT" : "");
    sheet[key + "tokens"] = format_count(int64_t(get("prompt + output"))).toStdString();
    const std::string since = fmt::format("coalesce(end_ns, {}) - arrival_ns", sql.now_ns);
    sheet[key + "time"] = duration(since.c_str()) + (std::isnan(get("end_ns")) ? " so far" : "");
}

void put_causes(SessionSql& sql, const std::string& id, uint64_t last_seq, Sheet& sheet) {
    const std::string of = fmt::format(" FROM main.cause WHERE request_id = {} AND seq <= {}", id, last_seq);
    std::string& causes = sheet["requests|" + id + "|causes"];
    for (const std::string& cause : sql.rows("SELECT cause || ':' || sum(duration_ns)" + of +
                                             " GROUP BY cause HAVING sum(duration_ns) > 0 ORDER BY cause"))
        causes += cause + " ";
    sheet["requests|" + id + "|where the time went"] =
        format_duration(sql.number("SELECT coalesce(sum(duration_ns), 0)" + of)).text().toStdString();
}

// A change is a row of `knob` by a hand; what the engine did to the knob after it (a drain that ended) belongs to it. The
// blocks that come with another format of the KV cache belong to that change, in one step with it.
constexpr const char* kChanges = R"sql(
CREATE TEMP TABLE change AS
WITH every AS (SELECT *, row_number() OVER (ORDER BY seq) AS number FROM seen_knob WHERE origin <> 0),
told AS (SELECT * FROM every e WHERE NOT (origin = 4 AND pause_ns = 0 AND EXISTS (SELECT 1 FROM every n
  WHERE n.number = e.number + 1 AND n.origin <> 4 AND n.knob <> e.knob AND n.step_id = e.step_id))),
hand AS (SELECT *, coalesce(lead(seq) OVER (PARTITION BY knob ORDER BY seq), 1 << 60) AS until FROM told WHERE origin <> 4)
SELECT number, knob, t_ns AS begin_ns, old_value,
  coalesce((SELECT max(t_ns) FROM told e WHERE e.origin = 4 AND e.knob = hand.knob AND e.seq BETWEEN hand.seq AND until), t_ns) AS end_ns,
  coalesce((SELECT effective_value FROM told e WHERE e.origin = 4 AND e.knob = hand.knob AND e.seq BETWEEN hand.seq AND until
    ORDER BY e.seq DESC LIMIT 1), effective_value) AS new_value
FROM hand;
-- equal ranges on both sides that no other change reaches into, 30 s at most
CREATE TEMP VIEW side AS SELECT *, max(0, min(30000000000, begin_ns - lower, upper - end_ns)) AS length_ns FROM (
  SELECT c.*, max(0, coalesce((SELECT max(o.end_ns) FROM change o WHERE o.end_ns < c.begin_ns - 1000000000), 0)) AS lower,
    min({0}, coalesce((SELECT min(o.begin_ns) FROM change o WHERE o.begin_ns > c.end_ns + 1000000000), {0})) AS upper
  FROM change c);
)sql";

struct Side {
    int64_t begin_ns, end_ns;
    double seconds() const { return double(end_ns - begin_ns) * 1e-9; }
    std::string in(const char* column) const { return " WHERE" + within(column, begin_ns, end_ns); }
};

double output_per_s(SessionSql& sql, const Side& side) {
    const double tokens = sql.number("SELECT count(*) FROM token" + side.in("t_ns"));
    return side.seconds() > 0 ? tokens / side.seconds() : std::nan("");
}

double evictions_per_s(SessionSql& sql, const Side& side) {
    const double blocks = sql.number("SELECT count(*) FROM eviction" + side.in("t_ns"));
    return side.seconds() > 0 ? blocks / side.seconds() : 0;
}

std::string pair_text(const Quantity& before, const Quantity& after) {
    return (before.text() + QStringLiteral(" \u2192 ") + after.text()).toStdString();
}

std::string durations(double before, double after) {
    const TimeUnit unit = time_unit_for(std::isfinite(after) ? std::max(before, after) : before);
    return pair_text(format_duration(before, unit), format_duration(after, unit));
}

std::string shares(double before, double after) {
    return pair_text({format_fixed(before * 100, 1), QStringLiteral("%")},
                     {format_fixed(after * 100, 1), QStringLiteral("%")});
}

void put_effect(SessionSql& sql, const std::string& key, const Side& b, const Side& a, Sheet& sheet) {
    const auto both = [&](auto&& of) { return std::pair<double, double>(of(b), of(a)); };
    for (const auto& [name, q] : {std::pair{"p50", .5}, std::pair{"p95", .95}}) {
        const auto [ttft_b, ttft_a] = both([&](const Side& side) {
            return sql.quantile("SELECT ttft_ns AS v FROM r" + side.in("first_ns"), q);
        });
        const auto [tpot_b, tpot_a] = both([&](const Side& side) {
            return sql.quantile(
                "SELECT tpot_ns AS v FROM r" + side.in("end_ns") + "AND finished AND tpot_ns IS NOT NULL", q);
        });
        sheet[key + "TTFT " + name] = durations(ttft_b, ttft_a);
        sheet[key + "TPOT " + name] = durations(tpot_b, tpot_a);
    }
    const auto [hit_b, hit_a] = both([&](const Side& side) {
        return sql.number("SELECT sum(cached) * 1.0 / sum(prompt) FROM r" + side.in("scheduled_ns"));
    });
    const auto [met_b, met_a] = both([&](const Side& side) {
        return sql.number("SELECT sum(good) * 1.0 / sum(finished OR failed) FROM judged" + side.in("end_ns"));
    });
    const auto rate = [](double value, const char* unit) {
        return format_rate(value, QString::fromLatin1(unit));
    };
    sheet[key + "output"] =
        pair_text(rate(output_per_s(sql, b), "tok/s"), rate(output_per_s(sql, a), "tok/s"));
    sheet[key + "evictions"] =
        pair_text(rate(evictions_per_s(sql, b), "blocks/s"), rate(evictions_per_s(sql, a), "blocks/s"));
    sheet[key + "prefix hit"] = shares(hit_b, hit_a);
    sheet[key + "SLOs met"] = shares(met_b, met_a);
    const auto finished = [&](const Side& side) {
        return sql.text("SELECT coalesce(sum(finished), 0) FROM r" + side.in("end_ns"));
    };
    sheet[key + "n"] = finished(b) + " " + finished(a);
}

Quantity value_of(const std::string& name, double value) {
    return knob_quantity(*presets::find_knob(name), value);
}

void put_change(SessionSql& sql, const std::string& number, Sheet& sheet) {
    const std::string of = " FROM side WHERE number = " + number, key = "changes|" + number + "|";
    const auto get = [&](const char* column) { return sql.number(std::string("SELECT ") + column + of); };
    const auto at = [&](const char* column) { return sql.integer(std::string("SELECT ") + column + of); };
    const std::string name =
        sql.text("SELECT (SELECT text FROM name WHERE dictionary = 1 AND id = knob)" + of);
    const Quantity before = value_of(name, get("old_value")), after = value_of(name, get("new_value"));
    sheet[key + "what"] =
        name + " " + (before.unit == after.unit ? before.number : before.text()).toStdString() + " \u2192 " +
        after.text().toStdString() + " at " + format_clock_short(at("begin_ns")).toStdString();
    put_effect(sql, key, {at("begin_ns - length_ns"), at("begin_ns")},
               {at("end_ns"), at("end_ns + length_ns")}, sheet);
}

void put_knob(SessionSql& sql, const std::string& name, Sheet& sheet) {
    std::string& text = sheet["knobs|" + name];
    const double value = sql.knob(name);
    text = value_of(name, value).number.toStdString();
    const std::string own =
        " FROM change WHERE knob = (SELECT id FROM name WHERE dictionary = 1 AND text = '" + name + "')";
    const double first = sql.number("SELECT (SELECT old_value" + own + " ORDER BY number LIMIT 1)"),
                 was = sql.number("SELECT (SELECT old_value" + own + " ORDER BY number DESC LIMIT 1)");
    if (!std::isnan(first) && first != value && was != value)
        text += " was " + value_of(name, was).number.toStdString();
}

}  // namespace

void compute_requests(SessionSql& sql, Sheet& sheet) {
    const uint64_t last_seq = sql.last_seq;
    const std::vector<std::string> ids = sql.rows("SELECT request_id FROM r");
    for (const std::string& id : ids) {
        put_request(sql, id, sheet);
        put_causes(sql, id, last_seq, sheet);
        sheet["requests|" + id + "|blocks"] =
            format_count(std::stoll(blocks_of(sql, id, last_seq))).toStdString();
    }
    sheet["requests|shown"] = std::to_string(ids.size());
    const auto count = [&](const char* where) {
        return format_count(sql.integer(std::string("SELECT count(*) FROM r WHERE ") + where)).toStdString();
    };
    sheet["requests|scope"] = count("end_ns IS NULL AND last_phase NOT IN (0, 6)") + " " +
                              count("end_ns IS NULL AND last_phase IN (0, 6)") + " " + count("finished");
    if (count("end_ns IS NOT NULL AND NOT finished") != "0")
        sheet["requests|scope"] += " " + count("end_ns IS NOT NULL AND NOT finished");
}

void compute_knobs(SessionSql& sql, Sheet& sheet) {
    sql.db.exec(fmt::format(fmt::runtime(kChanges), sql.now_ns));
    for (const std::string& number : sql.rows("SELECT number FROM change")) put_change(sql, number, sheet);
    for (const std::string& name : sql.rows("SELECT text FROM name WHERE dictionary = 1"))
        put_knob(sql, name, sheet);
}

Sheet sql_sheet(const std::string& path, const Frame& frame, uint64_t last_seq) {
    SessionSql sql(path, last_seq);
    const int64_t end = sql.now_ns + 1;  // half open: the newest event belongs to it
    std::vector<SqlRange> ranges = {
        {"session", sql.integer("SELECT t_ns FROM main.dictionary ORDER BY seq LIMIT 1"), end},
        {"last 10 s", std::max<int64_t>(0, end - 10'000'000'000), end},
        {"since change",
         sql.integer("SELECT t_ns FROM seen_knob WHERE origin <> 0 ORDER BY seq DESC LIMIT 1"), end}};
    for (const DraggedRange& range : kDragged) ranges.push_back({range.name, range.begin_ns, range.end_ns});
    Sheet sheet;
    compute_ranges(sql, ranges, frame, sheet);
    compute_sparks(sql, sheet);
    compute_charts(sql, ranges, frame, sheet);
    compute_steps(sql, frame, sheet);
    compute_blocks(sql, sheet);
    compute_memory(sql, ranges, sheet);
    compute_device(sql, ranges, sheet);
    compute_requests(sql, sheet);
    compute_knobs(sql, sheet);
    compute_precision(sql, ranges, frame, sheet);
    return sheet;
}

}  // namespace pitwall::testing
