// SPDX-License-Identifier: GPL-3.0-or-later
//
// The usual questions, for anyone with sqlite3. Columns are fixed by FORMAT.md; what is added comes at the end.
#include <fmt/format.h>

#include "telemetry/names.h"
#include "telemetry/record/schema.h"

namespace pitwall::telemetry {

namespace {

/// CASE expression that spells an enumeration; "" becomes NULL.
template <class Enum>
std::string spelled(std::string_view column, Enum count) {
    std::string sql = fmt::format("CASE {}", column);
    for (uint8_t i = 0; i < static_cast<uint8_t>(count); ++i)
        if (const auto word = name(Enum{i}); !word.empty()) sql += fmt::format(" WHEN {} THEN '{}'", i, word);
    return sql + " END";
}

int number(RequestPhase phase) { return static_cast<int>(phase); }
int number(DictionaryKind kind) { return static_cast<int>(kind); }

constexpr std::string_view kSideTables = R"sql(
-- what ids mean, assembled from `dictionary`: names and texts of tokens, not prompts
CREATE TABLE name(dictionary INTEGER NOT NULL, id INTEGER NOT NULL, text, PRIMARY KEY(dictionary, id)) WITHOUT ROWID;
-- about the recording itself
CREATE TABLE recording(key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE INDEX cause_by_request ON cause(request_id);
CREATE INDEX step_member_by_step ON step_member(step_id);
-- all but tokens, which are by far the most and which v_request does not need once a request has ended
CREATE INDEX request_by_request ON request(request_id) WHERE phase <> 5;
)sql";
static_assert(static_cast<int>(RequestPhase::kToken) == 5, "the index above counts on it");

/// One row a request from its events. `known` adds what the first keyframe told of requests that were already there
/// when the recording began; `live` looks at the tokens of those that have not ended, and costs nothing where the
/// session was recorded to its end.
std::string request_view() {
    const std::string ends = fmt::format("({}, {}, {}, {}, {})", number(RequestPhase::kRejected),
                                         number(RequestPhase::kCancelled), number(RequestPhase::kFinished),
                                         number(RequestPhase::kFailed), number(RequestPhase::kTimedOut));
    const auto at = [](RequestPhase phase) {
        return fmt::format("CASE phase WHEN {} THEN t_ns END", number(phase));
    };
    return fmt::format(R"sql(
CREATE VIEW v_request AS
WITH known AS (
  SELECT request_id, phase, t_ns, reason, class, arrival_ns, prompt_tokens, cached_tokens, output_tokens, max_tokens,
         priority, last_token_ns, NULL AS admitted_ns, NULL AS first_token_ns, 0 AS preemptions
  FROM request WHERE phase <> 5
  UNION ALL
  SELECT request_id, -1, t_ns, 0, class, arrival_ns, prompt_tokens, cached_tokens, output_tokens, max_tokens,
         priority, nullif(last_token_ns, -1), nullif(admitted_ns, -1), nullif(first_token_ns, -1), preemptions
  FROM keyframe_request WHERE seq < (SELECT seq FROM keyframe WHERE part = 5 ORDER BY seq LIMIT 1)
), seen AS (
  SELECT request_id, max(class) AS class_id, max(arrival_ns) AS arrival_ns,
         coalesce(min({admitted}), min(admitted_ns)) AS admitted_ns,
         min({scheduled}) AS scheduled_ns,
         coalesce(min({first}), min(first_token_ns)) AS first_token_ns,
         max(CASE WHEN phase IN {ends} THEN t_ns END) AS end_ns,
         max(prompt_tokens) AS prompt_tokens, max(cached_tokens) AS cached_tokens,
         max(output_tokens) AS output_tokens, max(last_token_ns) AS last_token_ns,
         max(CASE WHEN phase IN {ends} THEN reason END) AS reason,
         sum(phase = {preempted}) + max(preemptions) AS preemptions,
         max(max_tokens) AS max_tokens, max(priority) AS priority
  FROM known GROUP BY request_id
), live AS (
  SELECT request_id, max(output_tokens) AS output_tokens, max(t_ns) AS last_token_ns FROM request
  WHERE phase IN ({first_token}, {token}) AND NOT EXISTS (SELECT 1 FROM recording WHERE key = 'end' AND value = '{end}')
  GROUP BY request_id
), whole AS (
  SELECT s.*, coalesce(l.output_tokens, 0) AS live_tokens, l.last_token_ns AS live_last_ns
  FROM seen s LEFT JOIN live l ON l.request_id = s.request_id
)
SELECT request_id,
       coalesce((SELECT text FROM name WHERE dictionary = {class_kind} AND id = class_id), CAST(class_id AS TEXT)) AS class,
       arrival_ns, admitted_ns, first_token_ns, end_ns, prompt_tokens, cached_tokens,
       max(output_tokens, live_tokens) AS output_tokens,
       first_token_ns - arrival_ns AS ttft_ns,
       CASE WHEN max(output_tokens, live_tokens) > 1
            THEN (coalesce(last_token_ns, live_last_ns) - first_token_ns) * 1.0 / (max(output_tokens, live_tokens) - 1)
       END AS tpot_ns,
       end_ns - arrival_ns AS e2e_ns,
       {reason} AS finish_reason,
       scheduled_ns, coalesce(last_token_ns, live_last_ns) AS last_token_ns, preemptions, max_tokens, priority,
       (SELECT text FROM name WHERE dictionary = {error_kind} AND id = request_id) AS error
FROM whole;
)sql",
                       fmt::arg("ends", ends), fmt::arg("admitted", at(RequestPhase::kAdmitted)),
                       fmt::arg("scheduled", at(RequestPhase::kScheduled)),
                       fmt::arg("first", at(RequestPhase::kFirstToken)),
                       fmt::arg("preempted", number(RequestPhase::kPreempted)),
                       fmt::arg("first_token", number(RequestPhase::kFirstToken)),
                       fmt::arg("token", number(RequestPhase::kToken)), fmt::arg("end", kEndOfSession),
                       fmt::arg("class_kind", number(DictionaryKind::kRequestClass)),
                       fmt::arg("error_kind", number(DictionaryKind::kError)),
                       fmt::arg("reason", spelled("reason", FinishReason::kCount)));
}

std::string step_views() {
    return fmt::format(R"sql(
CREATE VIEW v_cause AS
SELECT request_id, {cause} AS cause, t_ns AS start_ns, duration_ns, step_id FROM cause;

CREATE VIEW v_step AS
SELECT step_id, t_ns AS start_ns, duration_ns, prefill_tokens, recompute_tokens, decode_tokens, draft_tokens,
       cached_tokens, blocks_held, blocks_cached, blocks_free, budget_tokens, running, waiting, slots_filled,
       plan_ns, execute_ns, sample_ns, commit_ns, flops, bytes
FROM step;

CREATE VIEW v_step_member AS
SELECT step_id, request_id, {work} AS kind, tokens, first_position, blocks FROM step_member;

CREATE VIEW v_speculation AS
SELECT step_id, request_id, {method} AS method, drafted, accepted, t_ns, most, draft_ns FROM speculation;

CREATE VIEW v_acceptance AS
WITH RECURSIVE position(n) AS (
  SELECT 1 UNION ALL SELECT n + 1 FROM position WHERE n < (SELECT min(max(drafted), 64) FROM speculation)
)
SELECT {method} AS method, n AS position, sum(drafted >= n) AS drafted, sum(accepted >= n) AS accepted,
       sum(accepted >= n) * 1.0 / sum(drafted >= n) AS rate,
       sum(accepted >= n) * 1.0 / nullif(sum(drafted >= n AND accepted >= n - 1), 0) AS rate_after_the_one_before
FROM speculation JOIN position ON n <= drafted GROUP BY method, n;

CREATE VIEW v_probe AS
SELECT t_ns, request_id, {dtype} AS dtype, {reference} AS reference, mean_kl, worst_kl, flips, positions, first_token,
       tokens, cost_ns
FROM probe;

CREATE VIEW v_kernel AS
SELECT step_id, t_ns, 'product' AS kind, product_ns AS duration_ns, product_flops AS flops, product_bytes AS bytes FROM kernels
UNION ALL SELECT step_id, t_ns, 'attention', attention_ns, attention_flops, attention_bytes FROM kernels
UNION ALL SELECT step_id, t_ns, 'head', head_ns, head_flops, head_bytes FROM kernels
UNION ALL SELECT step_id, t_ns, 'rowwise', rowwise_ns, rowwise_flops, rowwise_bytes FROM kernels;
)sql",
                       fmt::arg("cause", spelled("cause", Cause::kCount)),
                       fmt::arg("work", spelled("work", WorkKind::kCount)),
                       fmt::arg("method", spelled("method", DraftMethod::kCount)),
                       fmt::arg("dtype", spelled("dtype", KvDtype::kCount)),
                       fmt::arg("reference", spelled("reference", KvDtype::kCount)));
}

/// A knob's value as the command line spells it.
std::string knob_value(std::string_view column) {
    return fmt::format(R"sql(CASE value_kind
         WHEN {boolean} THEN CASE WHEN {column} = 0 THEN 'false' ELSE 'true' END
         WHEN {choice} THEN coalesce((SELECT CAST(text AS TEXT) FROM name WHERE dictionary = {choice_kind}
                                      AND id = knob * 256 + CAST({column} AS INTEGER)), CAST(CAST({column} AS INTEGER) AS TEXT))
         WHEN {integer} THEN CAST(CAST({column} AS INTEGER) AS TEXT)
         ELSE printf('%.15g', {column}) END)sql",
                       fmt::arg("column", column), fmt::arg("boolean", static_cast<int>(ValueKind::kBoolean)),
                       fmt::arg("choice", static_cast<int>(ValueKind::kChoice)),
                       fmt::arg("integer", static_cast<int>(ValueKind::kInteger)),
                       fmt::arg("choice_kind", number(DictionaryKind::kKnobChoice)));
}

/// A recording that began in the middle has no start values: the first keyframe's are.
std::string knob_view() {
    return fmt::format(R"sql(
CREATE VIEW v_knob AS
WITH start AS (
  SELECT seq, t_ns, knob, value_kind, effective_value FROM knob WHERE origin = {start}
  UNION ALL
  SELECT seq, t_ns, knob, value_kind, effective_value FROM keyframe_knob
  WHERE seq < (SELECT seq FROM keyframe WHERE part = 5 ORDER BY seq LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM knob WHERE origin = {start})
), spelled AS (
  SELECT seq, t_ns, knob, NULL AS old_value, {new_value} AS new_value FROM start
  UNION ALL
  SELECT seq, t_ns, knob, {old_value} AS old_value, {new_value} AS new_value FROM knob
  WHERE origin <> {start} AND effective_value IS NOT old_value
)
SELECT t_ns, coalesce((SELECT text FROM name WHERE dictionary = {name_kind} AND id = knob), 'knob ' || knob) AS name,
       old_value, new_value
FROM spelled ORDER BY seq;
)sql",
                       fmt::arg("start", static_cast<int>(KnobOrigin::kStart)),
                       fmt::arg("old_value", knob_value("old_value")),
                       fmt::arg("new_value", knob_value("effective_value")),
                       fmt::arg("name_kind", number(DictionaryKind::kKnobName)));
}

std::string session_view() {
    return fmt::format(R"sql(
CREATE VIEW v_session AS
WITH told AS (
  SELECT id, substr(text, 1, instr(text, '=') - 1) AS key, substr(text, instr(text, '=') + 1) AS value
  FROM name WHERE dictionary = {session_kind} AND instr(text, '=') > 0
)
SELECT key, value FROM (SELECT key, value, max(id) FROM told GROUP BY key)
UNION ALL
SELECT 'recording_' || key, value FROM recording;
)sql",
                       fmt::arg("session_kind", number(DictionaryKind::kSession)));
}

}  // namespace

std::string session_views_sql() {
    return std::string(kSideTables) + request_view() + step_views() + knob_view() + session_view();
}

}  // namespace pitwall::telemetry
