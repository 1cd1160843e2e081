// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/replay/event_loader.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "telemetry/record/columns.h"
#include "telemetry/replay/row_reader.h"

namespace pitwall::telemetry {

namespace {

constexpr uint8_t kEmpty = 0, kEvent = 1, kBlockRuns = 2;

constexpr TableId table_at(size_t index) { return static_cast<TableId>(index); }
uint64_t keys_per_seq(TableId table) { return table == TableId::kKeyframeBlock ? kRunsPerKey : 1; }

/// A piece of a stored text, as it was published.
Event text_piece(const Event& first, const char* bytes, size_t size, size_t number) {
    Event event = first;
    event.seq = first.seq + number;
    DictionaryEvent& piece = event.dictionary;
    const size_t begin = number * DictionaryEvent::kPieceBytes;
    piece.offset = first.dictionary.offset + static_cast<uint32_t>(begin);
    piece.length = static_cast<uint8_t>(std::min(DictionaryEvent::kPieceBytes, size - begin));
    if (piece.length > 0) std::memcpy(piece.bytes, bytes + begin, piece.length);
    return event;
}

}  // namespace

EventLoader::EventLoader(SQLite::Database& database, std::string path) : path_(std::move(path)) {
    const int format = database.execAndGet("PRAGMA user_version").getInt();
    for (const TableSpec& table : session_tables()) {
        Statements& statements = statements_.emplace_back();
        if (format_of(table.name) > format) continue;
        const std::string& key = table.columns.front();
        // What the file's format did not have yet reads as 0: no speculation.
        std::vector<std::string_view> columns(table.columns.begin(), table.columns.end());
        for (std::string_view& column : columns)
            if (format_of(table.name, column) > format) column = "0";
        const std::string rows = fmt::format("SELECT {} FROM {} WHERE {} >= ? AND {} < ? ORDER BY {}",
                                             fmt::join(columns, ", "), table.name, key, key, key);
        const std::string first =
            fmt::format("SELECT {} FROM {} WHERE {} >= ? ORDER BY {} LIMIT 1", key, table.name, key, key);
        statements.rows = std::make_unique<SQLite::Statement>(database, rows);
        statements.first = std::make_unique<SQLite::Statement>(database, first);
    }
}

EventLoader::~EventLoader() = default;

Error EventLoader::damaged(std::string_view what) const {
    return {fmt::format("'{}' is damaged ({})", path_, what), "use another copy of it"};
}

uint64_t EventLoader::first_seq(uint32_t tables, uint64_t seq) {
    uint64_t first = kLastSeq;
    for (size_t i = 0; i < kTableCount; ++i) {
        if ((tables >> i & 1) == 0 || !statements_[i].first) continue;
        SQLite::Statement& query = *statements_[i].first;
        query.reset();
        query.bind(1, static_cast<int64_t>(seq * keys_per_seq(table_at(i))));
        if (!query.executeStep()) continue;
        const int64_t key = query.getColumn(0).getInt64();
        if (key > 0) first = std::min(first, static_cast<uint64_t>(key) / keys_per_seq(table_at(i)));
        query.reset();
    }
    return first;
}

Status EventLoader::load(LoadRange& range, std::vector<Event>& out) {
    uint64_t begin = first_seq(range.tables, range.next_seq);
    if (!carried_.empty()) begin = std::min(begin, carried_.front().seq);
    if (begin >= range.end_seq || begin >= kLastSeq) {
        range.next_seq = range.end_seq;
        return {};
    }
    const uint64_t end = std::min(begin + kChunk, range.end_seq);
    begin_ = begin;
    slots_.resize(end - begin);
    filled_.assign(end - begin, kEmpty);
    const std::vector<Event> carried = std::exchange(carried_, {});
    for (const Event& event : carried) {
        if (event.seq < begin) return damaged("events out of order");
        if (Event* slot = place(event.seq))
            *slot = event;
        else
            return damaged("two events have one number");
    }
    for (size_t i = 0; i < kTableCount; ++i) {
        if ((range.tables >> i & 1) == 0 || !statements_[i].rows) continue;
        if (Status status = load_table(table_at(i), begin, end, range); !status.ok()) return status;
    }
    for (size_t i = 0; i < slots_.size(); ++i)
        if (filled_[i] != kEmpty) out.push_back(slots_[i]);
    range.next_seq = end;
    return {};
}

/// The place of an event that nobody took yet; null where somebody did. A piece beyond the chunk is carried on.
Event* EventLoader::place(uint64_t seq) {
    const uint64_t index = seq - begin_;
    if (index >= slots_.size()) {
        carried_.emplace_back();
        return &carried_.back();
    }
    if (filled_[index] != kEmpty) return nullptr;
    filled_[index] = kEvent;
    slots_[index] = Event();
    return &slots_[index];
}

Status EventLoader::load_table(TableId table, uint64_t begin, uint64_t end, const LoadRange& range) {
    SQLite::Statement& rows = *statements_[static_cast<size_t>(table)].rows;
    const uint64_t keys = keys_per_seq(table);
    rows.reset();
    rows.bind(1, static_cast<int64_t>(begin * keys));
    rows.bind(2, static_cast<int64_t>(end * keys));
    while (rows.executeStep()) {
        const auto key = static_cast<uint64_t>(rows.getColumn(0).getInt64());
        const uint64_t seq = key / keys;
        if (seq < begin || seq >= end) return damaged("events out of order");
        Status status;
        if (table == TableId::kDictionary) {
            status = read_text(rows, seq, range);
        } else if (table == TableId::kKeyframeBlock) {
            Event* event = filled_[seq - begin] == kBlockRuns ? &slots_[seq - begin] : place(seq);
            if (event == nullptr) return damaged("two events have one number");
            filled_[seq - begin] = kBlockRuns;
            status = read_run(rows, *event, key);
        } else {
            Event* event = place(seq);
            if (event == nullptr) return damaged("two events have one number");
            status = read_row(table, rows, *event, seq);
        }
        if (!status.ok()) return status;
    }
    rows.reset();
    return {};
}

template <class Payload>
Status EventLoader::read_payload(SQLite::Statement& row, Payload& payload, std::string_view table,
                                 int first_column) {
    RowReader reader(row, first_column);
    columns(reader, payload);
    if (reader.ok()) return {};
    return damaged(fmt::format("a value of {}.{} cannot be", table, reader.bad_column()));
}

Status EventLoader::read_row(TableId table, SQLite::Statement& row, Event& event, uint64_t seq) {
    event.seq = seq;
    RowReader time(row, 1);
    time("t_ns", event.t_ns);
    if (!time.ok()) return damaged("a time cannot be");
    const auto keyframe = [&](KeyframePart part) -> KeyframeEvent& {
        event.kind = EventKind::kKeyframe;
        event.keyframe.part = part;
        return event.keyframe;
    };
    const auto kind = [&](EventKind k) -> Event& { return event.kind = k, event; };
    switch (table) {
        case TableId::kKeyframe:
            return read_keyframe(row, event);
        case TableId::kKeyframeRequest:
            return read_payload(row, keyframe(KeyframePart::kRequest).request, "keyframe_request");
        case TableId::kKeyframeKnob:
            return read_payload(row, keyframe(KeyframePart::kKnob).knob, "keyframe_knob");
        case TableId::kKeyframeCounters:
            return read_payload(row, keyframe(KeyframePart::kCounters).counters, "keyframe_counters");
        case TableId::kStep:
            return read_payload(row, kind(EventKind::kStep).step, "step");
        case TableId::kStepMember:
            return read_payload(row, kind(EventKind::kStepMember).member, "step_member");
        case TableId::kRequest:
            return read_payload(row, kind(EventKind::kRequest).request, "request");
        case TableId::kBlock:
            return read_payload(row, kind(EventKind::kBlock).block, "block");
        case TableId::kCause:
            return read_payload(row, kind(EventKind::kCause).cause, "cause");
        case TableId::kKnob:
            return read_payload(row, kind(EventKind::kKnob).knob, "knob");
        case TableId::kDevice:
            return read_payload(row, kind(EventKind::kDevice).device, "device");
        case TableId::kMark:
            return read_payload(row, kind(EventKind::kMark).mark, "mark");
        case TableId::kSpeculation:
            return read_payload(row, kind(EventKind::kDraft).draft, "speculation");
        case TableId::kProbe:
            return read_payload(row, kind(EventKind::kProbe).probe, "probe");
        case TableId::kKernels:
            return read_payload(row, kind(EventKind::kKernels).kernels, "kernels");
        case TableId::kGpu:
            return read_payload(row, kind(EventKind::kGpu).gpu, "gpu");
        case TableId::kDictionary:
        case TableId::kKeyframeBlock:
        case TableId::kCount:
            break;
    }
    return {};
}

Status EventLoader::read_keyframe(SQLite::Statement& row, Event& event) {
    event.kind = EventKind::kKeyframe;
    const int64_t part = row.getColumn(2).getInt64();
    if (part != static_cast<int64_t>(KeyframePart::kBegin) &&
        part != static_cast<int64_t>(KeyframePart::kEnd))
        return damaged("a value of keyframe.part cannot be");
    event.keyframe.part = static_cast<KeyframePart>(part);
    return read_payload(row, event.keyframe.begin, "keyframe", 3);
}

Status EventLoader::read_run(SQLite::Statement& row, Event& event, uint64_t key) {
    KeyframeBlocks& blocks = event.keyframe.blocks;
    const uint64_t number = key % kRunsPerKey;
    if (number >= KeyframeBlocks::kRuns || (event.kind == EventKind::kKeyframe ? blocks.used : 0) != number)
        return damaged("a run of keyframe_block is missing");
    event.seq = key / kRunsPerKey;
    event.kind = EventKind::kKeyframe;
    event.keyframe.part = KeyframePart::kBlocks;
    RowReader time(row, 1);
    time("t_ns", event.t_ns);
    if (!time.ok()) return damaged("a time cannot be");
    blocks.used = static_cast<uint32_t>(number + 1);
    return read_payload(row, blocks.runs[number], "keyframe_block");
}

Status EventLoader::read_text(SQLite::Statement& row, uint64_t seq, const LoadRange& range) {
    Event first;
    first.seq = seq;
    first.kind = EventKind::kDictionary;
    DictionaryEvent& e = first.dictionary;
    RowReader reader(row, 1);
    reader("t_ns", first.t_ns);
    reader("dictionary", e.dictionary, values_of<DictionaryKind>());
    reader("id", e.id);
    reader("total_bytes", e.total_bytes, uint64_t{kMaxTextBytes} + 1);
    reader("first_byte", e.offset, uint64_t{kMaxTextBytes} + 1);
    const SQLite::Column bytes = row.getColumn(6);
    if (!reader.ok() || bytes.isText() || bytes.isInteger() || bytes.isFloat())
        return damaged("a text cannot be");
    const auto size = static_cast<size_t>(bytes.getBytes());
    if (size > e.total_bytes || e.offset > e.total_bytes - size)
        return damaged("a text is longer than it says");
    const bool of_request = e.dictionary == DictionaryKind::kPrompt || e.dictionary == DictionaryKind::kError;
    if (of_request && range.only_requests != nullptr && !range.only_requests->contains(e.id)) return {};
    const char* text = static_cast<const char*>(bytes.getBlob());
    const size_t pieces =
        std::max<size_t>((size + DictionaryEvent::kPieceBytes - 1) / DictionaryEvent::kPieceBytes, 1);
    for (size_t i = 0; i < pieces; ++i) {
        if (seq + i >= range.end_seq) return damaged("a text overlaps what follows it");
        Event* event = place(seq + i);
        if (event == nullptr) return damaged("two events have one number");
        *event = text_piece(first, text, size, i);
    }
    return {};
}

}  // namespace pitwall::telemetry
