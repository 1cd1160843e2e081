// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/recorded_ranges.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "telemetry/names.h"

namespace pitwall::telemetry::testing {

namespace {

/// One request as v_request has it.
struct RequestTimesRow {
    RequestTimes times;
    int64_t scheduled_ns = -1;
    uint32_t prompt_tokens = 0, cached_tokens = 0;
};

struct LatencySamples {
    std::vector<double> ttft_ns, tpot_ns, e2e_ns;
};

int64_t or_none(const SQLite::Column& column) { return column.isNull() ? -1 : column.getInt64(); }

FinishReason reason_of(const std::string& text) {
    for (uint8_t i = 1; i < static_cast<uint8_t>(FinishReason::kCount); ++i)
        if (name(FinishReason{i}) == text) return FinishReason{i};
    return FinishReason::kNone;
}

void bind(SQLite::Statement& query, TimeRange range) {
    query.bind(":begin", range.begin_ns);
    query.bind(":end", range.end_ns);
}

void add_samples(LatencySamples& samples, const RequestTimes& times, TimeRange range) {
    if (const auto ttft = ttft_ns(times); ttft && range.contains(times.first_token_ns))
        samples.ttft_ns.push_back(*ttft);
    if (times.end_ns < 0 || !range.contains(times.end_ns)) return;
    if (const auto tpot = tpot_ns(times)) samples.tpot_ns.push_back(*tpot);
    if (const auto e2e = e2e_ns(times)) samples.e2e_ns.push_back(*e2e);
}

void add_request(RangeStats& stats, const RequestTimesRow& row) {
    const RequestTimes& times = row.times;
    stats.arrived += stats.range.contains(times.arrival_ns);
    if (row.scheduled_ns >= 0 && stats.range.contains(row.scheduled_ns)) {
        ++stats.admissions;
        stats.prompt_tokens += row.prompt_tokens;
        stats.cached_tokens += row.cached_tokens;
    }
    if (times.end_ns >= 0 && stats.range.contains(times.end_ns)) stats.add_end(times);
}

std::vector<RequestTimesRow> requests(const SQLite::Database& database, TimeRange range) {
    SQLite::Statement query(database, R"sql(
WITH paused AS (
  SELECT request_id, t_ns, duration_ns FROM cause WHERE cause = :paused
)
SELECT arrival_ns, first_token_ns, last_token_ns, end_ns, output_tokens, coalesce(finish_reason, ''),
       coalesce((SELECT sum(duration_ns) FROM paused p WHERE p.request_id = r.request_id
                 AND (r.first_token_ns IS NULL OR p.t_ns < r.first_token_ns)), 0),
       coalesce((SELECT sum(duration_ns) FROM paused p WHERE p.request_id = r.request_id), 0),
       scheduled_ns, prompt_tokens, cached_tokens
FROM v_request r WHERE arrival_ns < :end AND coalesce(end_ns, :begin) >= :begin
)sql");
    bind(query, range);
    query.bind(":paused", static_cast<int>(Cause::kPaused));
    std::vector<RequestTimesRow> rows;
    while (query.executeStep()) {
        RequestTimesRow row;
        row.times = {or_none(query.getColumn(0)),   or_none(query.getColumn(1)),
                     or_none(query.getColumn(2)),   or_none(query.getColumn(3)),
                     query.getColumn(4).getUInt(),  reason_of(query.getColumn(5).getString()),
                     query.getColumn(6).getInt64(), query.getColumn(7).getInt64()};
        row.scheduled_ns = or_none(query.getColumn(8));
        row.prompt_tokens = query.getColumn(9).getUInt();
        row.cached_tokens = query.getColumn(10).getUInt();
        rows.push_back(row);
    }
    return rows;
}

uint64_t count(const SQLite::Database& database, const std::string& from_where, TimeRange range) {
    SQLite::Statement query(database,
                            "SELECT count(*) FROM " + from_where + " AND t_ns >= :begin AND t_ns < :end");
    bind(query, range);
    return query.executeStep() ? static_cast<uint64_t>(query.getColumn(0).getInt64()) : 0;
}

/// Step by step and not with SQL's sums, so that figures are equal to the store's to the last bit.
void add_steps(const SQLite::Database& database, RangeStats& stats) {
    uint32_t block_tokens = 16;
    SQLite::Statement size(database, "SELECT block_tokens FROM keyframe WHERE part = 0 ORDER BY seq LIMIT 1");
    if (size.executeStep() && size.getColumn(0).getUInt() > 0) block_tokens = size.getColumn(0).getUInt();
    SQLite::Statement query(database, R"sql(
SELECT step_id, duration_ns, prefill_tokens, recompute_tokens, decode_tokens, draft_tokens, cached_tokens, budget_tokens,
       running, waiting, blocks_held, blocks_cached, blocks_free, slots_filled, plan_ns, execute_ns, sample_ns,
       commit_ns, flops, bytes
FROM v_step WHERE start_ns >= :begin AND start_ns < :end ORDER BY step_id
)sql");
    bind(query, stats.range);
    while (query.executeStep()) {
        StepEvent step{};
        step.step_id = static_cast<uint64_t>(query.getColumn(0).getInt64());
        step.duration_ns = query.getColumn(1).getInt64();
        uint32_t* const counts[] = {&step.prefill_tokens, &step.recompute_tokens, &step.decode_tokens,
                                    &step.draft_tokens,   &step.cached_tokens,    &step.budget_tokens,
                                    &step.running,        &step.waiting,          &step.blocks_held,
                                    &step.blocks_cached,  &step.blocks_free,      &step.slots_filled,
                                    &step.plan_ns};
        for (int i = 0; i < 13; ++i) *counts[i] = query.getColumn(2 + i).getUInt();
        step.execute_ns = query.getColumn(15).getInt64();
        step.sample_ns = query.getColumn(16).getUInt();
        step.commit_ns = query.getColumn(17).getUInt();
        step.flops = static_cast<float>(query.getColumn(18).getDouble());
        step.bytes = query.getColumn(19).getDouble();
        stats.steps.add(step, block_tokens);
    }
}

}  // namespace

RangeStats recorded_range_stats(const SQLite::Database& database, TimeRange range, const Slo& slo) {
    RangeStats stats;
    stats.range = range;
    stats.slo = slo;
    LatencySamples samples;
    for (const RequestTimesRow& row : requests(database, range)) {
        add_request(stats, row);
        add_samples(samples, row.times, range);
    }
    stats.ttft_ns = percentiles(samples.ttft_ns);
    stats.tpot_ns = percentiles(samples.tpot_ns);
    stats.e2e_ns = percentiles(samples.e2e_ns);
    add_steps(database, stats);
    stats.output_tokens =
        count(database,
              fmt::format("request WHERE phase IN ({}, {})", static_cast<int>(RequestPhase::kFirstToken),
                          static_cast<int>(RequestPhase::kToken)),
              range);
    stats.evicted_blocks =
        count(database, fmt::format("block WHERE phase = {}", static_cast<int>(BlockPhase::kEvicted)), range);
    stats.complete =
        count(database, fmt::format("mark WHERE mark = {}", static_cast<int>(MarkKind::kGap)), range) == 0;
    return stats;
}

}  // namespace pitwall::telemetry::testing
