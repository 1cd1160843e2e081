// SPDX-License-Identifier: GPL-3.0-or-later
//
// The memory panel.
#include <cmath>

#include "panels/common/format.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

/// The newest step and the sizes that the newest keyframe and device sample tell. Part 0 begins a keyframe.
constexpr const char* kMemory = R"sql(
CREATE TEMP VIEW memory AS SELECT n.*, k.bytes_per_block AS block, k.block_tokens AS slots, d.weight_bytes AS weights,
  d.kv_bytes AS arena, d.resident_bytes AS resident, d.activation_bytes AS activations, d.draft_bytes AS draft,
  min(n.blocks_held * k.bytes_per_block, n.slots_filled * (k.bytes_per_block * 1.0 / k.block_tokens)) AS in_use
FROM (SELECT * FROM s ORDER BY step_id DESC LIMIT 1) n,
  (SELECT * FROM main.keyframe WHERE seq <= {0} AND part = 0 ORDER BY seq DESC LIMIT 1) k,
  (SELECT * FROM main.device WHERE seq <= {0} ORDER BY seq DESC LIMIT 1) d;
CREATE TEMP VIEW parts AS SELECT *, max(0, resident - weights - activations - draft - (blocks_held + blocks_cached) * block)
  AS rest FROM memory;
)sql";

/// A device that stands in for none: what the process holds beside it is no part of the sum.
bool simulated(SessionSql& sql) {
    return sql.text("SELECT value FROM main.v_session WHERE key = 'kernel_tier'") == "simulated";
}

std::string count(double n) { return format_count(int64_t(n)).toStdString(); }

void put_part(SessionSql& sql, const char* name, const char* bytes, Sheet& sheet) {
    const double value = sql.number(std::string("SELECT ") + bytes + " FROM parts");
    const double total = sql.number(std::string("SELECT weights + pool * block + activations + draft") +
                                    (simulated(sql) ? "" : " + rest") + " FROM parts");
    sheet[std::string("memory|") + name] = format_memory(value).text().toStdString() + ", " +
                                           format_fixed(100 * value / total, 1).toStdString() + " %, " +
                                           fmt::format("{:.0f}", value);
}

/// What computes beside the pool, where there is any; and what else this process holds, where the device is no simulated one.
void put_process(SessionSql& sql, Sheet& sheet) {
    for (const auto& [name, column] : {std::pair{"Activations", "activations"}, {"Draft model", "draft"}})
        if (sql.number(std::string("SELECT ") + column + " FROM parts") > 0)
            put_part(sql, name, column, sheet);
    if (simulated(sql)) return;
    put_part(sql, "Rest of the process", "rest", sheet);
    const double resident = sql.number("SELECT resident FROM parts");
    sheet["memory|Resident, process"] =
        format_memory(resident).text().toStdString() + ", , " + fmt::format("{:.0f}", resident);
}

void put_pool(SessionSql& sql, Sheet& sheet) {
    const auto get = [&](const char* what) {
        return sql.number(std::string("SELECT ") + what + " FROM memory");
    };
    sheet["memory|Room now"] = count(get("(blocks_cached + blocks_free) * slots")) + " tok, ";
    sheet["memory|Tokens that fit"] = count(get("pool * slots")) + " tok, " + count(get("pool"));
    sheet["memory|Bytes a token"] =
        count(get("block / slots")) + " B, " +
        (sql.knob("kv_cache_dtype") == 0 ? "16" : "8");  // f16 or int8 is in its note
    if (const double beyond = get("arena - pool * block"); beyond >= get("block"))
        sheet["memory|Pool may grow by"] =
            count(std::floor(beyond / get("block"))) + " blocks, " + numbers(format_memory(beyond).text());
}

/// Blocks that a request held when it finished, and how often they go into what is free and cached.
void put_requests(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string held = "SELECT blocks AS v FROM seen_request WHERE phase = 9 AND reason IN (1, 2) AND" +
                             within("t_ns", range.begin_ns, range.end_ns);
    const std::string key = "memory|" + range.name + "|";
    const double n = sql.number("SELECT count(*) FROM (" + held + ")");
    const double room = sql.number("SELECT blocks_cached + blocks_free FROM memory");
    const double seats = std::max(0.0, sql.knob("max_num_seqs") - sql.number("SELECT running FROM memory"));
    std::string blocks, more, bound;
    for (const double q : {.5, .95}) {
        const double each = sql.quantile(held, q);
        const double fit = std::floor(room / std::max(1.0, each));
        const bool known = n > 0;
        const bool last = q > .9;  // whose unit stands for both
        blocks += (known ? format_fixed(each, each == std::floor(each) ? 0 : 1) : kNoValue).toStdString() +
                  (last ? " blocks, " : ", ");
        more += (known ? count(fit) : kNoValue.toStdString()) + (last ? " req, " : ", ");
        if (known && fit < seats && bound.empty()) bound = last ? "blocks at p95" : "blocks";
    }
    sheet[key + "One request"] = blocks + count(n);
    sheet[key + "More that fit"] = more;
    sheet[key + "Seats left"] = count(seats) + " seqs, " + count(sql.knob("max_num_seqs"));
    sheet[key + "Holds first"] = (n == 0          ? kNoValue.toStdString()
                                  : bound.empty() ? "max_num_seqs"
                                                  : bound) +
                                 ", ";
}

}  // namespace

void compute_memory(SessionSql& sql, const std::vector<SqlRange>& ranges, Sheet& sheet) {
    sql.db.exec(fmt::format(fmt::runtime(kMemory), sql.last_seq));
    put_part(sql, "Weights", "weights", sheet);
    put_part(sql, "KV in use", "in_use", sheet);
    put_part(sql, "KV slack", "blocks_held * block - in_use", sheet);
    put_part(sql, "KV cached", "blocks_cached * block", sheet);
    put_part(sql, "KV free", "blocks_free * block", sheet);
    put_process(sql, sheet);
    put_pool(sql, sheet);
    for (const SqlRange& range : ranges) put_requests(sql, range, sheet);
}

}  // namespace pitwall::testing
