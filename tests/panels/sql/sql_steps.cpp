// SPDX-License-Identifier: GPL-3.0-or-later
//
// The batch panel and the block map.
#include <cmath>

#include "panels/common/format.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

std::string duration(double ns) { return numbers(format_duration(ns).text()); }

constexpr const char* kKind =
    "CASE work WHEN 0 THEN 'prefill' WHEN 1 THEN 'recompute' WHEN 2 THEN 'decode' ELSE 'draft' END";

void put_reading(SessionSql& sql, uint64_t id, Sheet& sheet) {
    const std::string of = fmt::format(" FROM s WHERE step_id = {}", id);
    const auto get = [&](const char* column) { return sql.integer(std::string("SELECT ") + column + of); };
    const auto part = [](const char* name, int64_t n) {
        return std::string(name) + " " + format_count_short(n).toStdString() + ", ";
    };
    std::string text = part("prefill", get("prefill_tokens")) + part("decode", get("decode_tokens"));
    if (const int64_t n = get("draft_tokens")) text += part("draft", n);
    if (const int64_t n = get("recompute_tokens")) text += part("recompute", n);
    text += part("cached", get("cached_tokens"));
    const int64_t left = get("budget_tokens - tokens");
    text += left < 0 ? part("over budget", -left) : part("unused", left);
    sheet[fmt::format("batch|step {}|reading", id)] = text + std::to_string(get("running")) + " seqs";
    std::string card = format_count(int64_t(id)).toStdString() + " " + duration(double(get("duration_ns")));
    for (const char* column : {"tokens", "budget_tokens", "running", "waiting"})
        card += " " + format_count(get(column)).toStdString();
    const std::string drafts = fmt::format(" FROM main.speculation WHERE step_id = {}", id);
    const bool drafted = sql.integer("SELECT count(*)" + drafts) > 0;
    card += " " + duration(double(get("plan_ns")));
    if (drafted) card += " " + duration(sql.number("SELECT sum(draft_ns)" + drafts));
    for (const char* column : {"execute_ns", "sample_ns", "commit_ns"})
        card += " " + duration(double(get(column)));
    sheet[fmt::format("batch|step {}|card", id)] = card;
}

void put_members(SessionSql& sql, uint64_t id, Sheet& sheet) {
    const std::string of = fmt::format(" FROM main.step_member WHERE step_id = {}", id);
    const std::string took =
        duration(sql.number(fmt::format("SELECT duration_ns FROM s WHERE step_id = {}", id)));
    for (const std::string& request : sql.rows("SELECT DISTINCT request_id" + of)) {
        const std::string own = of + " AND request_id = " + request + " ORDER BY seq";
        std::string& text = sheet[fmt::format("batch|step {}|{}", id,
                                              format_request(uint32_t(std::stoul(request))).toStdString())];
        for (const std::string& work :
             sql.rows("SELECT printf('%,d', tokens) || ' ' || printf('%,d', first_position)" + own))
            text += work + " ";
        text += sql.text("SELECT blocks" + own) + " " + took + " ";
    }
}

void put_rows(SessionSql& sql, const Frame& frame, Sheet& sheet) {
    const std::string select = fmt::format(
        "SELECT step_id || ',' || t_ns || ',' || duration_ns || ',' || prefill_tokens || ',' || "
        "recompute_tokens || "
        "',' || decode_tokens || ',' || draft_tokens || ',' || cached_tokens || ',' || budget_tokens || ',' "
        "|| "
        "running || ',' || waiting || ',' || blocks_held || ',' || blocks_cached || ',' || blocks_free || "
        "',' || "
        "(SELECT group_concat(who, ' ') FROM (SELECT printf('R-%04d:%s:%d', request_id, {}, tokens) AS who "
        "FROM "
        "main.step_member m WHERE m.step_id = s.step_id ORDER BY seq)) FROM s WHERE step_id BETWEEN {} AND "
        "{}",
        kKind, frame.first_column, frame.last_column);
    for (const std::string& row : sql.rows(select)) sheet["batch|row " + row.substr(0, row.find(','))] = row;
}

constexpr const char* kBlocks = R"sql(
CREATE TEMP TABLE b AS
WITH RECURSIVE pool(block) AS (SELECT 0 UNION ALL SELECT block + 1 FROM pool
  WHERE block + 1 < (SELECT pool FROM s ORDER BY step_id DESC LIMIT 1)),
newest AS (SELECT block, max(seq) AS seq FROM seen_block GROUP BY block),
taken AS (SELECT block, max(seq) AS seq FROM seen_block WHERE request_id <> 0 AND phase IN (0, 1, 2, 3, 6, 8) GROUP BY block),
used AS (SELECT block, max(t_ns) AS t_ns FROM seen_block WHERE phase IN (0, 1, 2, 3, 4, 6, 8) GROUP BY block)
SELECT pool.block, coalesce(e.state, 0) AS state, coalesce(e.owners, 0) AS owners,
  coalesce(e.filled_tokens, 0) AS filled, CASE WHEN coalesce(e.state, 0) = 0 THEN 0 ELSE coalesce(o.request_id, 0) END AS owner,
  used.t_ns AS used_ns
FROM pool LEFT JOIN newest USING (block) LEFT JOIN main.block e ON e.seq = newest.seq
  LEFT JOIN taken USING (block) LEFT JOIN main.block o ON o.seq = taken.seq LEFT JOIN used USING (block);
CREATE TEMP VIEW block_table AS SELECT request_id, block FROM (
  SELECT request_id, table_index, block, phase, max(seq) FROM seen_block
  WHERE request_id <> 0 AND phase IN (0, 2, 3, 4, 6, 8) GROUP BY request_id, table_index) WHERE phase <> 4;
)sql";

std::string legend_row(SessionSql& sql, const std::string& name, const std::string& where) {
    const int64_t n = sql.integer("SELECT count(*) FROM b WHERE " + where);
    const double share = double(n) / sql.number("SELECT count(*) FROM b");
    return name + " " + format_count_short(n).toStdString() + " " + format_share(share).toStdString() + "\n";
}

std::string owners(SessionSql& sql) {
    std::string text, named = "0";
    for (const std::string& owner :
         sql.rows("SELECT owner FROM b WHERE state = 1 AND owners < 2 AND owner > 0 GROUP BY "
                  "owner ORDER BY count(*) DESC, owner LIMIT 6")) {
        text += legend_row(sql, format_request(uint32_t(std::stoul(owner))).toStdString(),
                           "state = 1 AND owners < 2 AND owner = " + owner);
        named += "," + owner;
    }
    const std::string rest = "state = 1 AND owners < 2 AND owner NOT IN (" + named + ")";
    return sql.integer("SELECT count(*) FROM b WHERE " + rest) ? text + legend_row(sql, "others", rest)
                                                               : text;
}

void put_legends(SessionSql& sql, Sheet& sheet) {
    const std::string shared = legend_row(sql, "shared", "state = 1 AND owners > 1"),
                      cached = legend_row(sql, "cached", "state = 2"),
                      free = legend_row(sql, "free", "state = 0");
    sheet["blocks|legend by state"] =
        shared + legend_row(sql, "held", "state = 1 AND owners < 2") + cached + free;
    sheet["blocks|legend by owner"] = shared + owners(sql) + cached + free;
    const char* ages[] = {"under 1 s", "1 to 10 s", "10 to 60 s", "1 to 10 min", "over 10 min"};
    const double limits[] = {0, 1e9, 10e9, 60e9, 600e9, 1e18};
    const char* fills[] = {"full", "3/4 filled", "1/2 filled", "1/4 filled", "less"};
    std::string &by_age = sheet["blocks|legend by age"], &by_fill = sheet["blocks|legend by fill"];
    for (int i = 0; i < 5; ++i) {
        by_age += legend_row(sql, ages[i],
                             fmt::format("state > 0 AND {0} - used_ns >= {1} AND {0} - used_ns < {2}",
                                         sql.now_ns, limits[i], limits[i + 1]));
        by_fill += legend_row(
            sql, fills[i],
            fmt::format("state = 1 AND CASE WHEN filled = 16 THEN 0 ELSE 4 - filled * 4 / 16 END = {}", i));
    }
    const bool any = sql.integer("SELECT count(*) FROM b WHERE state > 0") > 0;
    sheet["blocks|legend by precision"] =
        (any ? legend_row(sql, kv_format(sql), "state > 0") : std::string()) + free;
    by_age += free;
    by_fill += cached + free;
}

}  // namespace

void compute_steps(SessionSql& sql, const Frame& frame, Sheet& sheet) {
    const std::string shown =
        fmt::format(" FROM s WHERE step_id BETWEEN {} AND {}", frame.first_column, frame.last_column);
    sheet["batch|scope"] = format_count(sql.integer("SELECT count(*)" + shown)).toStdString() + " " +
                           duration(sql.number("SELECT max(end_ns) - min(t_ns)" + shown));
    sheet["batch|most cached"] =
        format_count_short(sql.integer("SELECT max(cached_tokens)" + shown)).toStdString() + " tok";
    sheet["batch|longest"] =
        format_duration(sql.number("SELECT max(duration_ns)" + shown)).text().toStdString();
    put_rows(sql, frame, sheet);
    for (const uint64_t id : frame.read_steps) {
        put_reading(sql, id, sheet);
        put_members(sql, id, sheet);
    }
}

void compute_blocks(SessionSql& sql, Sheet& sheet) {
    sql.db.exec(kBlocks);
    put_legends(sql, sheet);
    sheet["blocks|held"] = format_share(sql.number("SELECT avg(state = 1) FROM b")).toStdString();
    sheet["blocks|slots filled"] =
        format_share(sql.number("SELECT sum(filled) / (count(*) * 16.0) FROM b WHERE state = 1"))
            .toStdString();
    sheet["blocks|pool"] = sql.text("SELECT count(*) FROM b");
    for (const std::string& row : sql.rows(
             fmt::format("SELECT block || ',' || CASE WHEN state = 0 THEN 'free' WHEN state = 2 THEN "
                         "'cached' WHEN owners > 1 THEN "
                         "'shared' ELSE 'held' END || ',' || CASE WHEN owner > 0 THEN printf('R-%04d', "
                         "owner) ELSE '' END || ',' || "
                         "owners || ',' || filled || ',' || CASE WHEN state > 0 THEN ({} - used_ns) / "
                         "1000000 ELSE '' END || ',' || CASE WHEN state > 0 THEN '{}' ELSE '' END FROM b",
                         sql.now_ns, kv_format(sql))))
        sheet["blocks|block " + row.substr(0, row.find(','))] = row;
    for (const std::string& request : sql.rows("SELECT request_id FROM r WHERE end_ns IS NULL"))
        sheet["blocks|of " + request] =
            sql.text(fmt::format("SELECT count(*) || ' ' || (SELECT cached / 16 FROM r WHERE request_id = "
                                 "{0}) || ' ' || coalesce(sum((SELECT "
                                 "owners > 1 FROM b WHERE b.block = t.block)), 0) FROM block_table t WHERE "
                                 "request_id = {0} AND (SELECT "
                                 "last_phase FROM r WHERE request_id = {0}) <> 6",
                                 request));
}

}  // namespace pitwall::testing
