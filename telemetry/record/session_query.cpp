// SPDX-License-Identifier: GPL-3.0-or-later
//
// A recording of millions of events has no index of requests: one is searched by time in the order of events, which are
// nearly in the order of time.
#include "telemetry/record/session_query.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

#include "telemetry/replay/session_database.h"

namespace pitwall::telemetry {

namespace {

/// Farther than this from its place in time no event is in the order of events.
constexpr int64_t kDisorder = 20'000;

struct Span {
    int64_t first_seq, last_seq;
};

int64_t number(SQLite::Database& database, const std::string& sql, int64_t seq = 0) {
    SQLite::Statement query(database, sql);
    if (query.getBindParameterCount() > 0) query.bind(1, seq);
    return query.executeStep() && !query.getColumn(0).isNull() ? query.getColumn(0).getInt64() : INT64_MAX;
}

/// Of the first event in the table of requests at or after `t_ns`, or the last of all.
int64_t seq_at(SQLite::Database& database, int64_t t_ns) {
    int64_t low = number(database, "SELECT min(seq) FROM request WHERE seq > 0"),
            high = number(database, "SELECT max(seq) FROM request");
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (number(database, "SELECT t_ns FROM request WHERE seq >= ? ORDER BY seq LIMIT 1", middle) < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Span life_of(SQLite::Database& database, const RequestRow& row) {
    const int64_t first = seq_at(database, row.arrival_ns), last = seq_at(database, row.end_ns + 1);
    return {std::max<int64_t>(first, kDisorder) - kDisorder,
            std::min(last, INT64_MAX - kDisorder) + kDisorder};
}

std::vector<RequestRow::Token> tokens(SQLite::Database& database, RequestId id, Span life) {
    // A file of format 1 has no origins: there were no drafts.
    const bool has_origin =
        database.execAndGet("SELECT count(*) FROM pragma_table_info('request') WHERE name = 'origin'")
            .getInt() > 0;
    SQLite::Statement query(database, std::string("SELECT token, t_ns, ") + (has_origin ? "origin" : "0") +
                                          " FROM request WHERE seq BETWEEN ? AND ? AND request_id = ? "
                                          "AND phase IN (?, ?) ORDER BY seq");
    query.bind(1, life.first_seq);
    query.bind(2, life.last_seq);
    query.bind(3, raw(id));
    query.bind(4, static_cast<int>(RequestPhase::kFirstToken));
    query.bind(5, static_cast<int>(RequestPhase::kToken));
    std::vector<RequestRow::Token> found;
    while (query.executeStep()) {
        const int origin = query.getColumn(2).getInt();
        const bool known = origin >= 0 && origin < static_cast<int>(TokenOrigin::kCount);
        found.push_back({static_cast<TokenId>(query.getColumn(0).getInt()),
                         known ? static_cast<TokenOrigin>(origin) : TokenOrigin::kPlain,
                         query.getColumn(1).getInt64()});
    }
    return found;
}

std::string prompt(SQLite::Database& database, RequestId id, Span life) {
    SQLite::Statement query(database,
                            "SELECT first_byte, bytes FROM dictionary WHERE seq BETWEEN ? AND ? AND "
                            "dictionary = ? AND id = ? ORDER BY seq");
    query.bind(1, life.first_seq);
    query.bind(2, life.last_seq);
    query.bind(3, static_cast<int>(DictionaryKind::kPrompt));
    query.bind(4, raw(id));
    std::string text;
    while (query.executeStep()) {
        const auto first_byte = static_cast<uint64_t>(query.getColumn(0).getInt64());
        if (first_byte == 0) text.clear();  // a keyframe tells prompts of live requests again
        if (first_byte == text.size() && text.size() < kMaxTextBytes) text += query.getColumn(1).getString();
    }
    return text;
}

}  // namespace

SessionQuery::SessionQuery(std::string path, std::unique_ptr<SQLite::Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}
SessionQuery::~SessionQuery() = default;

Result<std::unique_ptr<SessionQuery>> SessionQuery::open(const std::string& path) {
    auto database = open_session_database(path, PageCheck::kWhereRead);
    if (!database.ok()) return database.error();
    return std::unique_ptr<SessionQuery>(new SessionQuery(path, std::move(database).value()));
}

Result<std::unique_ptr<SessionQuery>> SessionQuery::open_own(const std::string& path) {
    auto database = open_own_recording(path);
    if (!database.ok()) return database.error();
    return std::unique_ptr<SessionQuery>(new SessionQuery(path, std::move(database).value()));
}

Result<RecordedRequest> SessionQuery::request(const RequestRow& row) const {
    try {
        const Span life = life_of(*database_, row);
        return RecordedRequest{prompt(*database_, row.id, life), tokens(*database_, row.id, life)};
    } catch (const SQLite::Exception& e) {
        return damage_error(path_, e.what());
    }
}

std::optional<RecordedRequest> recall_request(const Result<std::unique_ptr<SessionQuery>>& query,
                                              const RequestRow& row) {
    if (!query.ok()) return std::nullopt;
    auto found = query.value()->request(row);
    if (!found.ok() || found.value().tokens.size() != row.output_tokens) return std::nullopt;
    return std::move(found).value();
}

}  // namespace pitwall::telemetry
