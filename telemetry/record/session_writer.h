// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/event.h"
#include "telemetry/record/schema.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace pitwall::telemetry {

/// Writes events into a session file. One thread; the recorder's. Errors of SQLite come out as SQLite::Exception from
/// everything but create(), and leave the file as it was after the last commit().
class SessionWriter {
  public:
    struct Options {
        bool record_text = true;  ///< false: no prompts, no texts of tokens, and tokens as -1
        bool overwrite = false;   ///< replace a session file (and nothing else) that is already there
        uint32_t most_pages = 0;  ///< 0: as large as the disk allows. For tests of a full disk
    };
    static Result<std::unique_ptr<SessionWriter>> create(const std::string& path, const Options& options);
    ~SessionWriter();
    SessionWriter(const SessionWriter&) = delete;
    SessionWriter& operator=(const SessionWriter&) = delete;

    /// Events in ascending order of seq; begins a transaction where none is open.
    void write(std::span<const Event> events);
    void write(const Event& event);
    /// Ends the transaction: what was written is safe from a kill of this process.
    void commit();
    void roll_back() noexcept;
    bool in_transaction() const { return in_transaction_; }

    /// Notes how the recording ended (see schema.h) and commits.
    void mark_end(std::string_view how);
    /// More room than Options::most_pages allows, for the mark after a full disk.
    void grant_pages(uint32_t pages);
    /// After commit(): folds the log into the file, so that nothing is left beside it. Fails where another program
    /// has the file open; the recording is whole all the same.
    Status finish();

    bool session_ended() const { return session_ended_; }  ///< kSessionEnd was written
    uint64_t events_written() const { return events_written_; }
    /// Size of the file once its log is folded in.
    uint64_t file_bytes();
    const std::string& path() const { return path_; }

  private:
    /// Pieces of one text that follow each other in seq: one row.
    struct TextRun {
        uint64_t seq = 0, next_seq = 0;
        int64_t t_ns = 0;
        DictionaryEvent first{};
        bool open = false, last_full = false;
        std::string bytes;
    };

    SessionWriter(std::string path, const Options& options);
    void open();
    void insert(const Event& event);
    void insert_keyframe(const Event& event);
    void insert_request(const Event& event);
    template <class Payload>
    void insert_row(TableId table, uint64_t key, int64_t t_ns, const Payload& payload);
    void add_piece(const Event& event);
    void flush_text();
    void assemble(const TextRun& run);
    void insert_name(DictionaryKind kind, uint32_t id, const std::string& text);
    SQLite::Statement& statement(TableId table) { return *inserts_[static_cast<size_t>(table)]; }

    std::string path_;
    Options options_;
    std::unique_ptr<SQLite::Database> database_;
    std::vector<std::unique_ptr<SQLite::Statement>> inserts_;
    std::unique_ptr<SQLite::Statement> insert_name_, insert_recording_;
    TextRun run_;
    std::map<std::pair<DictionaryKind, uint32_t>, std::string> partial_names_;
    std::unordered_map<RequestId, int64_t> last_token_ns_;  ///< of requests that have not ended
    bool in_transaction_ = false, session_ended_ = false;
    uint64_t events_written_ = 0;
};

}  // namespace pitwall::telemetry
