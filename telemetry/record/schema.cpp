// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/record/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "telemetry/record/columns.h"

namespace pitwall::telemetry {

namespace {

/// Collects the names and SQL types of a payload's columns.
class Columns {
  public:
    template <class Field>
    void operator()(std::string_view name, const Field& /*field*/, uint64_t /*values*/ = 0) {
        constexpr bool kReal = std::is_floating_point_v<Field>;
        // NaN has no spelling in SQLite but NULL.
        add(name, kReal ? "REAL" : "INTEGER NOT NULL");
    }
    void add(std::string_view name, std::string_view type) {
        names.emplace_back(name);
        definitions.push_back(fmt::format("{} {}", name, type));
    }
    std::vector<std::string> names, definitions;
};

TableSpec finish(std::string_view name, const Columns& columns) {
    const std::vector<std::string_view> marks(columns.names.size(), "?");
    return {name, columns.names,
            fmt::format("CREATE TABLE {}({})", name, fmt::join(columns.definitions, ", ")),
            fmt::format("INSERT INTO {} VALUES({})", name, fmt::join(marks, ", "))};
}

Columns keyed(std::string_view key) {
    Columns columns;
    columns.add(key, "INTEGER PRIMARY KEY");
    columns.add("t_ns", "INTEGER NOT NULL");
    return columns;
}

template <class Payload>
TableSpec table(std::string_view name, std::string_view key = "seq") {
    Columns all = keyed(key);
    const Payload any{};
    columns(all, any);
    return finish(name, all);
}

TableSpec dictionary_table() {
    Columns all = keyed("seq");
    for (const char* column : {"dictionary", "id", "total_bytes", "first_byte"})
        all.add(column, "INTEGER NOT NULL");
    all.add("bytes", "BLOB NOT NULL");
    return finish("dictionary", all);
}

TableSpec keyframe_table() {
    Columns all = keyed("seq");
    all.add("part", "INTEGER NOT NULL");
    const KeyframeBegin any{};
    columns(all, any);
    return finish("keyframe", all);
}

TableSpec request_table() {
    Columns all = keyed("seq");
    const RequestEvent any{};
    columns(all, any);
    // Says again, with an end, what the token rows say: so that v_request need not look at a million of them.
    all.add("last_token_ns", "INTEGER");
    return finish("request", all);
}

}  // namespace

std::vector<TableSpec> session_tables() {
    return {dictionary_table(),
            keyframe_table(),
            table<KeyframeBlockRun>("keyframe_block", "key"),
            table<KeyframeRequest>("keyframe_request"),
            table<KeyframeKnob>("keyframe_knob"),
            table<KeyframeCounters>("keyframe_counters"),
            table<StepEvent>("step"),
            table<StepMemberEvent>("step_member"),
            request_table(),
            table<BlockEvent>("block"),
            table<CauseEvent>("cause"),
            table<KnobEvent>("knob"),
            table<DeviceEvent>("device"),
            table<MarkEvent>("mark"),
            table<DraftEvent>("speculation"),
            table<ProbeEvent>("probe"),
            table<KernelsEvent>("kernels"),
            table<GpuEvent>("gpu")};
}

int32_t format_of(std::string_view table) {
    if (table == "speculation" || table == "probe") return 2;
    return table == "kernels" || table == "gpu" ? 4 : 1;
}

int32_t format_of(std::string_view table, std::string_view column) {
    struct Added {
        std::string_view table, column;
        int32_t format;
    };
    constexpr std::array<Added, 5> kAdded = {{{"request", "origin", 2},
                                              {"keyframe_counters", "drafted_tokens", 2},
                                              {"keyframe_counters", "accepted_tokens", 2},
                                              {"device", "activation_bytes", 3},
                                              {"device", "draft_bytes", 3}}};
    for (const Added& added : kAdded)
        if (added.table == table && added.column == column) return added.format;
    return format_of(table);
}

}  // namespace pitwall::telemetry
