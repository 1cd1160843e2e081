// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/event.h"
#include "telemetry/record/schema.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace pitwall::telemetry {

/// Which events to load: those of `tables` with a seq in [next_seq, end_seq).
struct LoadRange {
    uint64_t next_seq = 1, end_seq = 0;
    uint32_t tables = 0;  ///< bit i: TableId i
    /// Where not null: prompts and errors of other requests are left out.
    const std::unordered_set<uint32_t>* only_requests = nullptr;
};
inline constexpr uint32_t kAllTables = (1u << kTableCount) - 1;
constexpr uint32_t table_bit(TableId table) { return 1u << static_cast<uint32_t>(table); }

/// The last number that a file may give an event: keys of keyframe_block are four times as large.
inline constexpr uint64_t kLastSeq = uint64_t{1} << 60;

/// Makes events again from the typed tables, a chunk of sequence numbers at a time: memory and time do not depend on
/// the file's size. Throws SQLite::Exception where SQLite finds damage.
class EventLoader {
  public:
    EventLoader(SQLite::Database& database, std::string path);
    ~EventLoader();

    /// Appends the next chunk of `range` to `out` in order of seq and moves range.next_seq on; nothing is appended at
    /// the end. An Error says which value is damaged.
    Status load(LoadRange& range, std::vector<Event>& out);
    /// The first seq of `tables` from `seq` on, or kLastSeq.
    uint64_t first_seq(uint32_t tables, uint64_t seq);

  private:
    static constexpr uint64_t kChunk = 2048;
    struct Statements {
        std::unique_ptr<SQLite::Statement> rows,
            first;  ///< null: a table that the file's format does not have
    };
    Status load_table(TableId table, uint64_t begin, uint64_t end, const LoadRange& range);
    Status read_row(TableId table, SQLite::Statement& row, Event& event, uint64_t seq);
    Status read_keyframe(SQLite::Statement& row, Event& event);
    Status read_run(SQLite::Statement& row, Event& event, uint64_t key);
    Status read_text(SQLite::Statement& row, uint64_t begin, const LoadRange& range);
    template <class Payload>
    Status read_payload(SQLite::Statement& row, Payload& payload, std::string_view table,
                        int first_column = 2);
    Event* place(uint64_t seq);
    Error damaged(std::string_view what) const;

    std::string path_;
    std::vector<Statements> statements_;
    std::vector<Event> slots_;  ///< the chunk under way, by seq - begin
    /// 0: nothing there; 1: an event; 2: keyframe blocks, which may get more runs.
    std::vector<uint8_t> filled_;
    uint64_t begin_ = 0;
    std::vector<Event> carried_;  ///< pieces of a text that began in the chunk before
};

}  // namespace pitwall::telemetry
