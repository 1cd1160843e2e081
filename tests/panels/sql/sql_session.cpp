// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

namespace {

// Phases of a request: 0 arrived, 1 admitted, 2 rejected, 3 scheduled, 4 first token, 5 token, 6 preempted, 7 resumed,
// 8 cancelled, 9 finished, 10 failed, 11 timed out. Reasons: 1 stop, 2 length, 3 rejected, 4 cancelled, 5 timeout,
// 6 failed. Phases of a block: 0 allocated, 1 filled, 2 shared, 3 hit, 4 released, 5 evicted, 6 copied, 8 moved.
// States of a block: 0 free, 1 held, 2 cached. Causes: 3 paused.
constexpr const char* kTables = R"sql(
CREATE TEMP VIEW seen_request AS SELECT * FROM main.request WHERE seq <= {0};
CREATE TEMP VIEW seen_block AS SELECT * FROM main.block WHERE seq <= {0};
CREATE TEMP VIEW seen_knob AS SELECT * FROM main.knob WHERE seq <= {0};
CREATE TEMP TABLE s AS SELECT *, t_ns + duration_ns AS end_ns,
  prefill_tokens + recompute_tokens + decode_tokens + draft_tokens AS tokens,
  blocks_held + blocks_cached + blocks_free AS pool FROM main.step WHERE seq <= {0};
CREATE INDEX temp.s_by_time ON s(t_ns);
CREATE TEMP TABLE token AS SELECT t_ns, request_id FROM seen_request WHERE phase IN (4, 5);
CREATE INDEX temp.token_by_time ON token(t_ns);
CREATE TEMP TABLE eviction AS SELECT t_ns FROM seen_block WHERE phase = 5;
CREATE INDEX temp.eviction_by_time ON eviction(t_ns);

CREATE TEMP TABLE r AS
WITH life AS (
  SELECT request_id, max(class) AS class, max(arrival_ns) AS arrival_ns, max(prompt_tokens) AS prompt,
    min(CASE WHEN phase = 3 THEN t_ns END) AS scheduled_ns, min(CASE WHEN phase = 4 THEN t_ns END) AS first_ns,
    max(CASE WHEN phase IN (4, 5) THEN t_ns END) AS last_ns, sum(phase IN (4, 5)) AS output,
    max(CASE WHEN phase IN (2, 8, 9, 10, 11) THEN t_ns END) AS end_ns, max(reason) AS reason,
    coalesce(max(CASE WHEN phase = 3 THEN cached_tokens END), 0) AS cached,
    max(CASE WHEN phase = 3 THEN miss END) AS miss, sum(phase = 6) AS preemptions,
    max(CASE WHEN phase <> 1 THEN seq END) AS last_seq
  FROM seen_request GROUP BY request_id)
SELECT life.*, (SELECT phase FROM main.request q WHERE q.seq = life.last_seq) AS last_phase,
  first_ns - arrival_ns AS ttft_ns, end_ns - arrival_ns AS e2e_ns,
  CASE WHEN output > 1 THEN (last_ns - first_ns) * 1.0 / (output - 1) END AS tpot_ns,
  coalesce((SELECT sum(duration_ns) FROM main.cause c WHERE c.seq <= {0} AND c.request_id = life.request_id
    AND cause = 3), 0) AS paused_ns,
  coalesce((SELECT sum(duration_ns) FROM main.cause c WHERE c.seq <= {0} AND c.request_id = life.request_id
    AND cause = 3 AND (first_ns IS NULL OR c.t_ns < first_ns)), 0) AS paused_before_ns,
  reason IN (1, 2) AS finished, reason IN (3, 5, 6) AS failed
FROM life;
)sql";

/// With the objectives in force: whether each was met, paused time left out, and whether the request is good.
constexpr const char* kJudged = R"sql(
CREATE TEMP VIEW judged AS SELECT *, finished AND ttft_met AND tpot_met AS good FROM (
  SELECT *, {0} <= 0 OR coalesce(ttft_ns - paused_before_ns <= {0}, 0) AS ttft_met,
    {1} <= 0 OR output < 2 OR last_ns - first_ns - (paused_ns - paused_before_ns) <= {1} * (output - 1) AS tpot_met
  FROM r);
)sql";

constexpr const char* kNow = R"sql(
SELECT max(t) FROM (
  SELECT max(t_ns) AS t FROM main.dictionary WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.keyframe WHERE seq <= {0}
  UNION ALL SELECT max(t_ns + duration_ns) FROM main.step WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.request WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.block WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.knob WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.device WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.mark WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.step_member WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.cause WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.probe WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.speculation WHERE seq <= {0}
  UNION ALL SELECT max(t_ns) FROM main.kernels WHERE seq <= {0} UNION ALL SELECT max(t_ns) FROM main.gpu WHERE seq <= {0})
)sql";

}  // namespace

SessionSql::SessionSql(const std::string& path, uint64_t last_seq_seen)
    : last_seq(last_seq_seen), db(path, SQLite::OPEN_READONLY) {
    db.exec(fmt::format(fmt::runtime(kTables), last_seq));
    db.exec(fmt::format(fmt::runtime(kJudged), knob("ttft_slo_ms") * 1e6, knob("tpot_slo_ms") * 1e6));
    now_ns = integer(fmt::format(fmt::runtime(kNow), last_seq));
}

double SessionSql::number(const std::string& select) {
    SQLite::Statement statement(db, select);
    if (!statement.executeStep() || statement.getColumn(0).isNull()) return std::nan("");
    return statement.getColumn(0).getDouble();
}

int64_t SessionSql::integer(const std::string& select) { return db.execAndGet(select).getInt64(); }

std::string SessionSql::text(const std::string& select) { return db.execAndGet(select).getString(); }

std::vector<std::string> SessionSql::rows(const std::string& select) {
    SQLite::Statement statement(db, select);
    std::vector<std::string> found;
    while (statement.executeStep()) {
        std::string& row = found.emplace_back();
        for (int i = 0; i < statement.getColumnCount(); ++i)
            row += (i > 0 ? " " : "") + statement.getColumn(i).getString();
    }
    return found;
}

double SessionSql::quantile(const std::string& select_v, double q) {
    return number(fmt::format(R"sql(
WITH ranked AS (SELECT v, row_number() OVER (ORDER BY v) - 1 AS i, count(*) OVER () AS n FROM ({0})),
at AS (SELECT (n - 1) * {1} AS h FROM ranked LIMIT 1)
SELECT low.v + (h - CAST(h AS INTEGER)) * (coalesce(high.v, low.v) - low.v)
FROM at JOIN ranked low ON low.i = CAST(h AS INTEGER) LEFT JOIN ranked high ON high.i = low.i + 1)sql",
                              select_v, q));
}

double SessionSql::knob(const std::string& name, double otherwise) {
    return number(fmt::format(
        "SELECT coalesce((SELECT effective_value FROM seen_knob WHERE knob = (SELECT id FROM name WHERE "
        "dictionary = 1 AND text = '{}') ORDER BY seq DESC LIMIT 1), {})",
        name, otherwise));
}

}  // namespace pitwall::testing
