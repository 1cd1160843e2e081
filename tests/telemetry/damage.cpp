// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/damage.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <array>

#include "telemetry/record/schema.h"
#include "telemetry/replay/session_reader.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"
#include "telemetry/summary/session_summary.h"

namespace pitwall::telemetry::testing {

std::string exercise(const std::string& path) {
    auto opened = SessionReader::open(path);
    if (!opened.ok()) return opened.error().text();
    SessionReader& reader = *opened.value();
    Store store({.memory_bytes = 8 << 20});
    SessionSummary summary;
    for (auto some = reader.next(500); !some.empty(); some = reader.next(500)) {
        store.apply(some);
        summary.apply(some);
    }
    (void)summary.figures();
    (void)range_stats(store, {reader.begin_ns(), reader.end_ns() + 1});
    if (!reader.status().ok()) return reader.status().error().text();
    if (Status sought = reader.seek(reader.end_ns() / 2); !sought.ok()) return sought.error().text();
    while (!reader.next(500).empty()) {
    }
    return reader.status().ok() ? std::string() : reader.status().error().text();
}

namespace {
std::string nonsense_update(uint64_t choice) {
    constexpr std::array<const char*, 14> kValues{"-1",
                                                  "1e300",
                                                  "9223372036854775807",
                                                  "-9223372036854775808",
                                                  "4294967296",
                                                  "'text'",
                                                  "x'00ff'",
                                                  "255",
                                                  "65536",
                                                  "1099511627776",
                                                  "0",
                                                  "7",
                                                  "4294967295",
                                                  "0.5"};
    const auto pick = [&choice](size_t count) {
        const size_t index = choice % count;
        choice /= count;
        return index;
    };
    const auto tables = session_tables();
    const TableSpec& table = tables[pick(tables.size())];
    const std::string& column = table.columns[pick(table.columns.size())];
    const std::string value = kValues[pick(kValues.size())];
    return fmt::format(
        "UPDATE OR IGNORE {} SET {} = {} WHERE rowid = (SELECT rowid FROM {} LIMIT 1 OFFSET {}); ",
        table.name, column, value, table.name, pick(20));
}
}  // namespace

std::string nonsense_updates(const std::string& path, std::span<const uint64_t> choices) {
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    database.exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
    std::string all;
    for (const uint64_t choice : choices) {
        const std::string sql = nonsense_update(choice);
        database.tryExec(sql);  // not every value goes into every column
        all += sql;
    }
    return all;
}

}  // namespace pitwall::telemetry::testing
