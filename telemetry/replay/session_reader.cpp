// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/replay/session_reader.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <algorithm>

#include "telemetry/replay/row_reader.h"
#include "telemetry/replay/session_database.h"

namespace pitwall::telemetry {

namespace {
constexpr uint32_t kBesideKeyframes =
    table_bit(TableId::kDictionary) | table_bit(TableId::kKnob) | table_bit(TableId::kMark);
}

SessionReader::SessionReader(std::string path, std::unique_ptr<SQLite::Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}
SessionReader::~SessionReader() = default;

Result<std::unique_ptr<SessionReader>> SessionReader::open(const std::string& path) {
    auto database = open_session_database(path);
    if (!database.ok()) return database.error();
    std::unique_ptr<SessionReader> reader(new SessionReader(path, std::move(database).value()));
    try {
        if (Status status = reader->survey(); !status.ok()) return status.error();
    } catch (const SQLite::Exception& e) {
        return damage_error(path, e.what());
    }
    return reader;
}

Status SessionReader::survey() {
    loader_ = std::make_unique<EventLoader>(*database_, path_);
    first_seq_ = loader_->first_seq(kAllTables, 1);
    if (first_seq_ >= kLastSeq) return Error{"'" + path_ + "' holds no events", "record a session first"};
    complete_ = database_->tableExists("recording") &&
                SQLite::Statement(
                    *database_,
                    fmt::format("SELECT 1 FROM recording WHERE key = 'end' AND value = '{}'", kEndOfSession))
                    .executeStep();
    find_keyframes();
    // The first chunk is read now: a file that is damaged at its beginning is told at once.
    ranges_ = {{first_seq_, kLastSeq, kAllTables, nullptr}};
    fill();
    if (!status_.ok()) return status_;
    if (chunk_.empty()) return Error{"'" + path_ + "' holds no events", "record a session first"};
    begin_ns_ = chunk_.front().t_ns;
    end_ns_ = std::max(begin_ns_, last_time());
    return {};
}

void SessionReader::find_keyframes() {
    SQLite::Statement rows(*database_, "SELECT seq, t_ns, part FROM keyframe ORDER BY seq");
    Keyframe keyframe{};
    while (rows.executeStep()) {
        const auto seq = static_cast<uint64_t>(rows.getColumn(0).getInt64());
        if (rows.getColumn(2).getInt64() == static_cast<int64_t>(KeyframePart::kBegin)) {
            keyframe = {seq, 0, rows.getColumn(1).getInt64()};
        } else if (keyframe.begin_seq != 0) {
            keyframe.end_seq = seq;
            keyframes_.push_back(keyframe);
            keyframe = {};
        }
    }
}

/// The latest stamp of the last rows of each table. Steps and causes are stamped with their beginning.
int64_t SessionReader::last_time() {
    int64_t last = begin_ns_;
    const int format = database_->execAndGet("PRAGMA user_version").getInt();
    for (const TableSpec& table : session_tables()) {
        if (format_of(table.name) > format) continue;
        const bool lasts = table.name == "step" || table.name == "cause";
        SQLite::Statement row(*database_,
                              fmt::format("SELECT {}, t_ns{} FROM {} ORDER BY 1 DESC LIMIT 1",
                                          table.columns.front(), lasts ? " + duration_ns" : "", table.name));
        if (!row.executeStep()) continue;
        const auto key = static_cast<uint64_t>(row.getColumn(0).getInt64());
        last_seq_ = std::max(last_seq_, table.name == "keyframe_block" ? key / kRunsPerKey : key);
        last = std::max(last, std::clamp(row.getColumn(1).getInt64(), -kMaxFileNs, kMaxFileNs));
    }
    return last;
}

void SessionReader::fill() {
    chunk_.clear();
    next_in_chunk_ = 0;
    try {
        while (chunk_.empty() && !ranges_.empty() && status_.ok()) {
            LoadRange& range = ranges_.back();
            status_ = loader_->load(range, chunk_);
            if (chunk_.empty() && range.next_seq >= range.end_seq) ranges_.pop_back();
        }
    } catch (const SQLite::Exception& e) {
        status_ = damage_error(path_, e.what());
    }
    if (!status_.ok()) chunk_.clear();
    ended_ = ranges_.empty() || !status_.ok();
}

std::span<const Event> SessionReader::next(size_t max_events, int64_t until_ns) {
    if (next_in_chunk_ == chunk_.size() && !ended_) fill();
    const auto begin = chunk_.begin() + static_cast<ptrdiff_t>(next_in_chunk_);
    const auto limit = begin + static_cast<ptrdiff_t>(std::min(max_events, chunk_.size() - next_in_chunk_));
    const auto end = std::find_if(begin, limit, [&](const Event& event) { return event.t_ns > until_ns; });
    next_in_chunk_ += static_cast<size_t>(end - begin);
    return {begin, end};
}

Status SessionReader::seek(int64_t t_ns, int64_t history_ns) {
    if (!status_.ok()) return status_;
    try {
        aim(t_ns, history_ns);
    } catch (const SQLite::Exception& e) {
        return status_ = damage_error(path_, e.what());
    }
    ended_ = false;
    fill();
    return status_;
}

void SessionReader::aim(int64_t t_ns, int64_t history_ns) {
    const auto after =
        std::upper_bound(keyframes_.begin(), keyframes_.end(), t_ns - history_ns,
                         [](int64_t t, const Keyframe& keyframe) { return t < keyframe.t_ns; });
    ranges_.clear();
    if (after == keyframes_.begin() || t_ns - history_ns <= begin_ns_) {
        ranges_.push_back({first_seq_, kLastSeq, kAllTables, nullptr});
    } else {
        const Keyframe& keyframe = *std::prev(after);
        live_requests(keyframe);
        ranges_.push_back({keyframe.begin_seq, kLastSeq, kAllTables, nullptr});
        ranges_.push_back({first_seq_, keyframe.begin_seq, kBesideKeyframes, &live_requests_});
    }
    loader_ = std::make_unique<EventLoader>(*database_, path_);
}

void SessionReader::live_requests(const Keyframe& keyframe) {
    live_requests_.clear();
    SQLite::Statement rows(*database_, "SELECT request_id FROM keyframe_request WHERE seq > ? AND seq < ?");
    rows.bind(1, static_cast<int64_t>(keyframe.begin_seq));
    rows.bind(2, static_cast<int64_t>(keyframe.end_seq));
    while (rows.executeStep()) live_requests_.insert(static_cast<uint32_t>(rows.getColumn(0).getInt64()));
}

}  // namespace pitwall::telemetry
