// SPDX-License-Identifier: GPL-3.0-or-later
//
// The panels KV precision and Speculation.
#include <cmath>

#include "panels/common/format.h"
#include "telemetry/event.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

/// Drafts with the step that verified them; what of a step's execution and of the drafting they wasted; the bytes of blocks
/// after it.
constexpr const char* kDrafts = R"sql(
CREATE TEMP TABLE d AS SELECT v.*, s.t_ns AS begun_ns FROM main.speculation v JOIN s USING (step_id) WHERE v.seq <= {0};
CREATE INDEX temp.d_by_time ON d(begun_ns);
CREATE INDEX temp.d_by_step ON d(step_id);
CREATE TEMP TABLE w AS SELECT s.*,
  CAST(coalesce((SELECT sum(drafted - accepted) FROM d WHERE d.step_id = s.step_id), 0) * 1.0 / tokens * execute_ns AS INTEGER)
    + coalesce((SELECT sum(CAST((drafted - accepted) * 1.0 / drafted * draft_ns AS INTEGER)) FROM d WHERE d.step_id = s.step_id), 0)
    AS wasted_ns,
  execute_ns + coalesce((SELECT sum(draft_ns) FROM d WHERE d.step_id = s.step_id), 0) AS time_ns,
  (SELECT bytes_per_block FROM main.keyframe k WHERE k.seq < s.seq AND part = 0 ORDER BY k.seq DESC LIMIT 1) AS block_bytes,
  decode_tokens > 0 AND prefill_tokens = 0 AND recompute_tokens = 0 AS decodes
FROM s;
CREATE INDEX temp.w_by_time ON w(t_ns);
)sql";

std::string count(double n) { return format_count(int64_t(n)).toStdString(); }
std::string three(double value) { return (std::isnan(value) ? kNoValue : format_three(value)).toStdString(); }
std::string percent(double share) {
    return (std::isnan(share) ? kNoValue : format_fixed(share * 100, 1)).toStdString();
}

void put_drafts(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string key = "speculation|" + range.name + "|";
    const std::string of = " FROM d WHERE" + within("begun_ns", range.begin_ns, range.end_ns);
    const auto get = [&](const char* what) { return sql.number(std::string("SELECT ") + what + of); };
    const double n = get("count(*)"), drafted = get("coalesce(sum(drafted), 0)"),
                 accepted = get("coalesce(sum(accepted), 0)");
    const auto share = [&](double part) {
        return drafted > 0 ? percent(part / drafted) : kNoValue.toStdString();
    };
    sheet[key + "Tokens a drafted step"] =
        (n > 0 ? format_fixed(1 + accepted / n, 2) : kNoValue).toStdString() + ", " + count(n);
    sheet[key + "Drafted"] = count(drafted) + ", ";
    sheet[key + "Accepted"] = count(accepted) + ", " + share(accepted);
    sheet[key + "Wasted"] = count(drafted - accepted) + ", " + share(drafted - accepted);
    for (int i = 1; i <= get("coalesce(max(drafted), 0)"); ++i) {
        const std::string at = std::to_string(i);
        const double rate = get(("sum(accepted >= " + at + ") * 1.0 / sum(drafted >= " + at + ")").c_str());
        const double after = get(("sum(accepted >= " + at + ") * 1.0 / nullif(sum(drafted >= " + at +
                                  " AND accepted >= " + at + " - 1), 0)")
                                     .c_str());
        sheet[key + "position " + at] =
            format_share(rate).toStdString() + " " + format_share(after).toStdString();
    }
}

/// Where more than one method drafted, or a model did, which the session names.
void put_methods(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string of = " FROM d WHERE" + within("begun_ns", range.begin_ns, range.end_ns);
    const std::vector<std::string> methods = sql.rows("SELECT DISTINCT method" + of + "ORDER BY method");
    for (const std::string& method : methods) {
        const bool model = method == "3";
        if (methods.size() == 1 && !model) continue;
        const std::string own = of + "AND method = " + method;
        const std::string name =
            model ? "draft, " + sql.text("SELECT value FROM main.v_session WHERE key = 'draft_model'")
                  : (method == "1" ? "ngram" : "suffix");
        sheet["speculation|" + range.name + "|" + name] =
            percent(sql.number("SELECT sum(accepted) * 1.0 / sum(drafted)" + own)) + ", " +
            count(sql.number("SELECT sum(drafted)" + own));
    }
}

void put_costs(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string key = "speculation|" + range.name + "|";
    const std::string of = " FROM w WHERE" + within("t_ns", range.begin_ns, range.end_ns);
    const auto get = [&](const std::string& what, const char* where = "") {
        return sql.number("SELECT " + what + of + where);
    };
    const double wasted = get("coalesce(sum(wasted_ns), 0)"),
                 drafting = get("coalesce(sum(time_ns - execute_ns), 0)");
    sheet[key + "Wasted work"] =
        percent(wasted / get("sum(time_ns)")) + ", " + numbers(format_duration(wasted).text());
    sheet[key + "Drafting"] =
        percent(drafting / get("sum(duration_ns)")) + ", " + numbers(format_duration(drafting).text());
    const char *plain = " AND decodes AND draft_tokens = 0", *with = " AND decodes AND draft_tokens > 0";
    sheet[key + "Decode step"] = three(get("avg(time_ns) / 1e6", plain)) + ", " +
                                 three(get("avg(time_ns) / 1e6", with)) + ", " +
                                 count(get("count(*)", plain)) + " " + count(get("count(*)", with));
    sheet[key + "Rows of such a step"] =
        three(get("avg(tokens * 1.0)", plain)) + ", " + three(get("avg(tokens * 1.0)", with)) + ", ";
}

/// "18.9 33.7": in percent, at 95 %.
std::string wilson(double part, double whole) {
    const double p = part / whole, z2 = 1.959964 * 1.959964, scale = 1 + z2 / whole;
    const double middle = (p + z2 / (2 * whole)) / scale,
                 half = std::sqrt(z2 * (p * (1 - p) / whole + z2 / (4 * whole * whole))) / scale;
    return percent(std::max(0.0, middle - half)) + " " + percent(std::min(1.0, middle + half));
}

/// A line through time and rows of the steps of one number of sequences.
void put_batches(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string of = " FROM w WHERE decodes AND" + within("t_ns", range.begin_ns, range.end_ns);
    for (const std::string& b :
         sql.rows("SELECT DISTINCT decode_tokens" + of + "AND step_id IN (SELECT step_id FROM d)")) {
        const std::string own = of + "AND decode_tokens = " + b;
        const auto get = [&](const std::string& what) { return sql.number("SELECT " + what + own); };
        const std::string drafts = " FROM d WHERE step_id IN (SELECT step_id" + own + ")";
        const double n = get("count(*)"), rows = get("avg(tokens * 1.0)"), time = get("avg(time_ns * 1.0)");
        const double sxx = get(fmt::format("sum((tokens - {0:.17g}) * (tokens - {0:.17g}))", rows)),
                     sxy = get(fmt::format("sum((tokens - {:.17g}) * (time_ns - {:.17g}))", rows, time));
        const double slope = sxy / sxx, plain = time + slope * (std::stod(b) - rows);
        const std::string off = fmt::format("(time_ns - {:.17g} - {:.17g} * (tokens - {:.17g}))", time,
                                            std::isfinite(slope) ? slope : 0, rows);
        const double left = get("sum(" + off + " * " + off + ")"), t = 1.96 + 2.4 / (n - 2);
        const double share = slope * std::stod(b) / plain,
                     half = t * std::stod(b) / (plain * plain) *
                            std::sqrt(left / (n - 2) * (slope * slope / n + time * time / sxx));
        const bool known = n >= 30 && sxx > 1e-6 && plain > 0 && half <= .1 && share + half >= 0;
        const double needed = known ? std::max(0.0, share) : std::nan("");
        const double drafted = sql.number("SELECT sum(drafted)" + drafts),
                     accepted = sql.number("SELECT sum(accepted)" + drafts);
        sheet["speculation|" + range.name + "|" + b + (b == "1" ? " sequence" : " sequences")] =
            percent(drafted >= 30 ? accepted / drafted : std::nan("")) + ", " + percent(needed) + ", " +
            (drafted >= 30 ? wilson(accepted, drafted) : count(n)) + " " + count(drafted);
    }
}

// ------------------------------------------------------------------------------------------------ KV precision

const char* const kLastChange =
    "(SELECT * FROM seen_knob WHERE origin <> 0 AND old_value <> effective_value AND knob = (SELECT id FROM "
    "name WHERE "
    "dictionary = 1 AND text = 'kv_cache_dtype') ORDER BY seq DESC LIMIT 1)";

void put_format(SessionSql& sql, Sheet& sheet) {
    const double pool = sql.number("SELECT pool FROM s ORDER BY step_id DESC LIMIT 1");
    const std::string seen = fmt::format("FROM main.keyframe WHERE part = 0 AND seq <= {}", sql.last_seq);
    const double block = sql.number("SELECT bytes_per_block " + seen + " ORDER BY seq DESC LIMIT 1");
    const bool changed = sql.integer(std::string("SELECT count(*) FROM ") + kLastChange) > 0;
    std::string blocks, tokens, bytes;
    if (changed) {
        const std::string before =
            seen + " AND t_ns < (SELECT t_ns - pause_ns FROM " + kLastChange + ") ORDER BY seq DESC LIMIT 1";
        const double was = sql.number("SELECT num_blocks " + before);
        blocks = count(was) + ", ";
        tokens = count(16 * was) + ", ";
        bytes = count(sql.number("SELECT bytes_per_block / 16 " + before)) + ", ";
    }
    sheet["precision|Format"] = kv_format(sql) + ", ";
    sheet["precision|Blocks"] = blocks + count(pool) + ", ";
    sheet["precision|Tokens that fit"] = tokens + count(16 * pool) + ", ";
    sheet["precision|Bytes a token"] = bytes + count(block / 16) + ", ";
    const double pause = changed ? sql.number(std::string("SELECT pause_ns FROM ") + kLastChange) : -1;
    sheet["precision|Pause of the change"] = format_duration(pause).number.toStdString() + ", ";
}

/// The samples between two moments, each with its place among those of the same piece: of that stretch of text, in that format
/// and with those activations.
std::string probes(const SessionSql& sql, int64_t begin_ns, int64_t end_ns) {
    return fmt::format(
        "(SELECT *, row_number() OVER (PARTITION BY request_id, first_token, dtype, activations ORDER BY "
        "seq) AS nth FROM "
        "(SELECT *, (SELECT effective_value FROM seen_knob k WHERE k.t_ns <= p.t_ns AND knob = (SELECT id "
        "FROM name "
        "WHERE dictionary = 1 AND text = 'activation_dtype') ORDER BY k.seq DESC LIMIT 1) AS activations "
        "FROM main.probe p WHERE seq <= {} AND {}))",
        sql.last_seq, within("t_ns", begin_ns, end_ns));
}

/// Of the samples of the format in force; their intervals are checked where they are made.
void put_probe(SessionSql& sql, const SqlRange& range, Sheet& sheet) {
    const std::string number = fmt::format(
        "CASE '{}' WHEN 'f32' THEN 0 WHEN 'f16' THEN 1 WHEN 'bf16' THEN 2 WHEN 'fp8' THEN 3 "
        "WHEN 'int8' THEN 4 WHEN 'k8v4' THEN 5 ELSE 6 END",
        kv_format(sql));
    const std::string all = " FROM " + probes(sql, range.begin_ns, range.end_ns) + " WHERE dtype = " + number;
    const std::string of = all + " AND nth = 1";
    const auto get = [&](const char* what) { return sql.number(std::string("SELECT ") + what + of); };
    if (get("count(*)") == 0) return;
    const auto nats = [](double v) {
        return v == 0      ? std::string("0")
               : v >= 1e-3 ? QString::number(v, 'g', 3).toStdString()
                           : fmt::format("{:.1f}e-{}", v / std::pow(10, std::floor(std::log10(v))),
                                         -int(std::floor(std::log10(v))));
    };
    const std::string key = "precision|" + range.name + "|";
    sheet[key + "Samples"] = count(get("count(*)")) + ", ";
    sheet[key + "Mean KL"] = nats(get("avg(mean_kl)")) + ", ";
    sheet[key + "Worst KL"] = nats(get("max(worst_kl)")) + ", ";
    sheet[key + "Top-1 flips"] = three(get("100.0 * sum(flips) / sum(positions)")) + ", ";
    const double least = get("min(tokens)"), most = get("max(tokens)");
    sheet[key + "Tokens a sample"] =
        (least == most ? count(most) : count(least) + " to " + count(most)) + ", ";
    const double cost_ns = sql.number("SELECT sum(cost_ns)" + all);
    sheet[key + "Cost"] = three(100 * cost_ns / double(range.end_ns - range.begin_ns)) + ", ";
}

/// Least squares of time on sequences and context tokens, from sums about the means; as FORMAT.md has it slots_filled is
/// the context of all.
std::string fit(SessionSql& sql, const std::string& of) {
    const auto get = [&](const std::string& what) { return sql.number("SELECT " + what + of); };
    const double n = get("count(*)"), s = get("avg(decode_tokens * 1.0)"), c = get("avg(slots_filled * 1.0)"),
                 y = get("avg(execute_ns * 1.0)");
    const auto product = [&](const char* a, double mean_a, const char* b, double mean_b) {
        return get(fmt::format("sum(({} - {:.17g}) * ({} - {:.17g}))", a, mean_a, b, mean_b));
    };
    if (!(n >= 4)) return "none";
    const char *ss_ = "decode_tokens", *cc_ = "slots_filled", *yy_ = "execute_ns";
    const double ss = product(ss_, s, ss_, s), cc = product(cc_, c, cc_, c), sc = product(ss_, s, cc_, c),
                 sy = product(ss_, s, yy_, y), cy = product(cc_, c, yy_, y), yy = product(yy_, y, yy_, y);
    if (!(cc > 0) || std::sqrt(cc / n) < .02 * c) return "none";
    const double determinant = ss * cc - sc * sc;
    const bool alone = ss < 1e-9 * n;
    if (!alone && sc * sc > .98 * ss * cc) return "none";
    const double token = alone ? cy / cc : (ss * cy - sc * sy) / determinant,
                 sequence = alone ? 0 : (cc * sy - sc * cy) / determinant;
    return fmt::format("{:.4g} {:.4g}", token, (sequence * sy + token * cy) / yy);
}

/// `side` has the ranges of each change.
void put_change(SessionSql& sql, Sheet& sheet) {
    const std::string own = std::string(" FROM side WHERE begin_ns = (SELECT t_ns FROM ") + kLastChange + ")";
    if (sql.integer("SELECT count(*)" + own) == 0) return;
    const auto at = [&](const char* what) { return sql.integer(std::string("SELECT ") + what + own); };
    const std::pair<int64_t, int64_t> sides[] = {{at("begin_ns - length_ns"), at("begin_ns")},
                                                 {at("end_ns"), at("end_ns + length_ns")}};
    std::string ttft[2], tpot[2], step[2], n[3][2];
    for (int i = 0; i < 2; ++i) {
        const auto [begin, end] = sides[i];
        const auto mean = [&](const std::string& column, const std::string& from, std::string& count_of) {
            count_of = sql.text("SELECT count(" + column + ") " + from);
            return three(sql.number("SELECT avg(" + column + ") / 1e6 " + from));
        };
        const std::string steps =
            " FROM w WHERE decodes AND draft_tokens = 0 AND" + within("t_ns", begin, end);
        ttft[i] = mean("ttft_ns", "FROM r WHERE" + within("first_ns", begin, end), n[0][i]);
        tpot[i] = mean("tpot_ns", "FROM r WHERE finished AND" + within("end_ns", begin, end), n[1][i]);
        step[i] = mean("execute_ns", steps, n[2][i]);
        const std::string name = i == 0 ? "before" : "after";
        sheet["precision|fit " + name] = fit(sql, steps);
        sheet["precision|range " + name] = std::to_string(begin) + " " + std::to_string(end);
    }
    const auto both = [&](const std::string(&of)[2], const std::string(&of_n)[2]) {
        return of[0] + ", " + of[1] + ", " + of_n[0] + " " + of_n[1];
    };
    sheet["precision|TTFT, mean"] = both(ttft, n[0]);
    sheet["precision|TPOT, mean"] = both(tpot, n[1]);
    sheet["precision|Decode step, mean"] = both(step, n[2]);
}

/// The steps that a piece of the axis shows: those that begin in it, and where there are none, the last before it. A gap
/// on the way leaves nothing.
std::string shown_steps(SessionSql& sql, int64_t begin, int64_t end) {
    const std::string of = " FROM w WHERE" + within("t_ns", begin, end);
    if (begin >= sql.now_ns || sql.integer("SELECT count(block_bytes)" + of) > 0) return of;
    return fmt::format(
        " FROM (SELECT * FROM w WHERE t_ns < {0} ORDER BY t_ns DESC, step_id DESC LIMIT 1) newest WHERE NOT "
        "EXISTS "
        "(SELECT 1 FROM main.mark m WHERE m.seq <= {1} AND m.mark = {2} AND m.t_ns >= newest.t_ns AND m.t_ns "
        "< {3})",
        begin, sql.last_seq, int(telemetry::MarkKind::kGap), end);
}

void put_points(SessionSql& sql, const SqlRange& range, const Frame::Points& points, Sheet& sheet) {
    if (points.pieces.empty()) return;
    const std::string samples =
        probes(sql, points.pieces.front().first, points.pieces.back().second) + " WHERE nth = 1 AND";
    for (size_t i = 0; i < points.pieces.size(); ++i) {
        const auto [begin, end] = points.pieces[i];
        const auto get = [&](const std::string& what) {
            return sql.number("SELECT coalesce(" + what + ", 0) FROM w WHERE" + within("t_ns", begin, end));
        };
        const std::string steps = shown_steps(sql, begin, end);
        const auto mean = [&](const char* blocks) {
            return drawn(
                sql.number(fmt::format("SELECT coalesce(avg({} * block_bytes), 0)", blocks) + steps));
        };
        const std::string at = range.name + "|" + std::to_string(i);
        sheet["precision|" + at] =
            mean("blocks_held") + " " + mean("blocks_cached") + " " + mean("blocks_free") + " " +
            std::to_string(int64_t(get("count(block_bytes)"))) + " " +
            std::to_string(sql.integer("SELECT count(*) FROM " + samples + within("t_ns", begin, end)));
        const std::string of = " FROM d WHERE" + within("begun_ns", begin, end);
        const double worked = get("sum(time_ns)");
        sheet["speculation|" + at] =
            sql.text("SELECT coalesce(sum(drafted), 0)" + of) + " " +
            sql.text("SELECT coalesce(sum(accepted), 0)" + of) + " " +
            format_share(worked > 0 ? get("sum(wasted_ns)") / worked : std::nan("")).toStdString();
    }
}

}  // namespace

std::string kv_format(SessionSql& sql) {
    return sql.text(fmt::format(
        "SELECT text FROM name WHERE dictionary = 2 AND id = ((SELECT id FROM name WHERE dictionary "
        "= 1 AND text = 'kv_cache_dtype') << 8) + {}",
        int(sql.knob("kv_cache_dtype"))));
}

void compute_precision(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame,
                       Sheet& sheet) {
    sql.db.exec(fmt::format(fmt::runtime(kDrafts), sql.last_seq));
    put_format(sql, sheet);
    put_change(sql, sheet);
    for (const SqlRange& range : ranges) {
        put_drafts(sql, range, sheet);
        put_methods(sql, range, sheet);
        put_costs(sql, range, sheet);
        put_batches(sql, range, sheet);
        put_probe(sql, range, sheet);
        put_points(sql, range, frame.points.at("precision|" + range.name), sheet);
    }
}

}  // namespace pitwall::testing
