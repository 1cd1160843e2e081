// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a session file is made of: see FORMAT.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pitwall::telemetry {

inline constexpr int32_t kApplicationId = 0x50697457;  ///< "PitW": PRAGMA application_id
inline constexpr int32_t kFormatVersion = 4;           ///< PRAGMA user_version

/// Tables of raw events, in the order of session_tables().
enum class TableId : uint8_t {
    kDictionary,
    kKeyframe,
    kKeyframeBlock,
    kKeyframeRequest,
    kKeyframeKnob,
    kKeyframeCounters,
    kStep,
    kStepMember,
    kRequest,
    kBlock,
    kCause,
    kKnob,
    kDevice,
    kMark,
    kSpeculation,
    kProbe,
    kCount
};
inline constexpr size_t kTableCount = static_cast<size_t>(TableId::kCount);

/// Rows of keyframe_block have the key seq * kRunsPerKey + place, as one event holds several runs.
inline constexpr uint64_t kRunsPerKey = 4;

struct TableSpec {
    std::string_view name;
    std::vector<std::string> columns;  ///< the key first
    std::string create_sql;
    std::string insert_sql;  ///< with as many ? as columns
};

/// Indexed by TableId.
std::vector<TableSpec> session_tables();
/// The format that brought a table, or a column of one that was there before.
int32_t format_of(std::string_view table);
int32_t format_of(std::string_view table, std::string_view column);
/// The tables beside the events, the indexes, and every view, as one script.
std::string session_views_sql();

/// How `recording.value` of the key "end" tells the end of a recording; the key is missing while it runs or after it
/// was killed.
inline constexpr std::string_view kEndOfSession = "session end";
inline constexpr std::string_view kEndByStop = "stopped";
inline constexpr std::string_view kEndByDisk = "disk full";
inline constexpr std::string_view kEndByLimit = "size limit";
inline constexpr std::string_view kEndByError = "error";

}  // namespace pitwall::telemetry
