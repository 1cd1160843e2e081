// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/record/session_writer.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <algorithm>

#include "telemetry/record/bind.h"
#include "telemetry/record/columns.h"
#include "telemetry/record/session_file.h"

namespace pitwall::telemetry {

namespace {

constexpr int kBusyTimeoutMs = 2000;
/// A cut at full pieces makes the pieces again: only the last of a text is shorter.
bool is_full(const DictionaryEvent& piece) { return piece.length == DictionaryEvent::kPieceBytes; }
bool is_end(RequestPhase phase) {
    return phase == RequestPhase::kRejected || phase == RequestPhase::kCancelled ||
           phase == RequestPhase::kFinished || phase == RequestPhase::kFailed ||
           phase == RequestPhase::kTimedOut;
}
bool is_token(RequestPhase phase) {
    return phase == RequestPhase::kFirstToken || phase == RequestPhase::kToken;
}

}  // namespace

SessionWriter::SessionWriter(std::string path, const Options& options)
    : path_(std::move(path)), options_(options) {}
SessionWriter::~SessionWriter() = default;

Result<std::unique_ptr<SessionWriter>> SessionWriter::create(const std::string& path,
                                                             const Options& options) {
    if (Status made = create_session_file(path, options.overwrite); !made.ok()) return made.error();
    std::unique_ptr<SessionWriter> writer(new SessionWriter(path, options));
    try {
        writer->open();
    } catch (const SQLite::Exception& e) {
        writer.reset();
        remove_session_file(path);
        return Error{"cannot record to '" + path + "' (" + e.what() + ")", "record elsewhere"};
    }
    return writer;
}

void SessionWriter::open() {
    database_ = std::make_unique<SQLite::Database>(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                                                   kBusyTimeoutMs);
    if (options_.most_pages > 0) grant_pages(options_.most_pages);
    // The schema first, and only then the log: a file that is killed young still says what it is.
    database_->exec(fmt::format("BEGIN; PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId,
                                kFormatVersion));
    const std::vector<TableSpec> tables = session_tables();
    for (const TableSpec& table : tables) database_->exec(table.create_sql);
    database_->exec(session_views_sql());
    database_->exec(fmt::format("INSERT INTO recording VALUES('format', {}), ('text', '{}')", kFormatVersion,
                                options_.record_text ? "on" : "off"));
    database_->exec("COMMIT");
    database_->exec(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; PRAGMA "
        "temp_store=MEMORY");
    for (const TableSpec& table : tables)
        inserts_.push_back(std::make_unique<SQLite::Statement>(*database_, table.insert_sql));
    insert_name_ =
        std::make_unique<SQLite::Statement>(*database_, "INSERT OR REPLACE INTO name VALUES(?, ?, ?)");
    insert_recording_ =
        std::make_unique<SQLite::Statement>(*database_, "INSERT OR REPLACE INTO recording VALUES(?, ?)");
}

void SessionWriter::grant_pages(uint32_t pages) {
    database_->exec(fmt::format("PRAGMA max_page_count={}", pages));
}

// ------------------------------------------------------------------------------------------------ transactions

void SessionWriter::write(std::span<const Event> events) {
    for (const Event& event : events) write(event);
}

void SessionWriter::write(const Event& event) {
    if (!in_transaction_) {
        database_->exec("BEGIN");
        in_transaction_ = true;
    }
    insert(event);
    ++events_written_;
}

void SessionWriter::commit() {
    if (!in_transaction_) return;
    flush_text();
    database_->exec("COMMIT");
    in_transaction_ = false;
}

void SessionWriter::roll_back() noexcept {
    run_ = {};
    in_transaction_ = false;
    try {
        for (const auto& insert : inserts_) insert->tryReset();
        insert_name_->tryReset();
        database_->exec("ROLLBACK");
    } catch (const SQLite::Exception&) {
        // A full disk rolls back by itself: there is nothing left to undo then.
    }
}

void SessionWriter::mark_end(std::string_view how) {
    insert_recording_->bind(1, "end");
    insert_recording_->bind(2, std::string(how));
    insert_recording_->exec();
    insert_recording_->reset();
    commit();
}

uint64_t SessionWriter::file_bytes() {
    const int64_t pages = database_->execAndGet("PRAGMA page_count").getInt64();
    return static_cast<uint64_t>(pages * database_->execAndGet("PRAGMA page_size").getInt64());
}

Status SessionWriter::finish() {
    // Statements at rest hold no lock, but the journal mode changes with none prepared only.
    inserts_.clear();
    insert_name_.reset();
    insert_recording_.reset();
    try {
        database_->exec("PRAGMA wal_checkpoint(TRUNCATE)");
        const std::string mode = database_->execAndGet("PRAGMA journal_mode=DELETE").getString();
        if (mode != "delete")
            return Error{"'" + path_ + "' is in use by another program",
                         "keep the files beside it until that ends"};
    } catch (const SQLite::Exception& e) {
        return Error{"cannot complete '" + path_ + "' (" + e.what() + ")", "keep the files beside it"};
    }
    database_.reset();
    return {};
}

// ------------------------------------------------------------------------------------------------ rows

template <class Payload>
void SessionWriter::insert_row(TableId table, uint64_t key, int64_t t_ns, const Payload& payload) {
    SQLite::Statement& insert = statement(table);
    insert.bind(1, static_cast<int64_t>(key));
    insert.bind(2, t_ns);
    Binder binder(insert, 3);
    columns(binder, payload);
    insert.exec();
    insert.reset();
}

void SessionWriter::insert(const Event& event) {
    if (event.kind == EventKind::kDictionary) return add_piece(event);
    flush_text();
    switch (event.kind) {
        case EventKind::kStep:
            return insert_row(TableId::kStep, event.seq, event.t_ns, event.step);
        case EventKind::kStepMember:
            return insert_row(TableId::kStepMember, event.seq, event.t_ns, event.member);
        case EventKind::kRequest:
            return insert_request(event);
        case EventKind::kBlock:
            return insert_row(TableId::kBlock, event.seq, event.t_ns, event.block);
        case EventKind::kCause:
            return insert_row(TableId::kCause, event.seq, event.t_ns, event.cause);
        case EventKind::kKnob:
            return insert_row(TableId::kKnob, event.seq, event.t_ns, event.knob);
        case EventKind::kDevice:
            return insert_row(TableId::kDevice, event.seq, event.t_ns, event.device);
        case EventKind::kMark:
            session_ended_ |= event.mark.mark == MarkKind::kSessionEnd;
            return insert_row(TableId::kMark, event.seq, event.t_ns, event.mark);
        case EventKind::kDraft:
            return insert_row(TableId::kSpeculation, event.seq, event.t_ns, event.draft);
        case EventKind::kProbe:
            return insert_row(TableId::kProbe, event.seq, event.t_ns, event.probe);
        case EventKind::kKernels:
            return insert_row(TableId::kKernels, event.seq, event.t_ns, event.kernels);
        case EventKind::kGpu:
            return insert_row(TableId::kGpu, event.seq, event.t_ns, event.gpu);
        case EventKind::kKeyframe:
            return insert_keyframe(event);
        case EventKind::kDictionary:
        case EventKind::kCount:
            return;
    }
}

void SessionWriter::insert_request(const Event& event) {
    RequestEvent e = event.request;
    if (!options_.record_text) e.token = -1;
    SQLite::Statement& insert = statement(TableId::kRequest);
    insert.bind(1, static_cast<int64_t>(event.seq));
    insert.bind(2, event.t_ns);
    Binder binder(insert, 3);
    columns(binder, e);
    insert.bind(binder.next());  // no last token, unless this is the end and there was one
    if (is_token(e.phase)) last_token_ns_[e.request] = event.t_ns;
    if (is_end(e.phase)) {
        if (const auto last = last_token_ns_.extract(e.request)) insert.bind(binder.next(), last.mapped());
    }
    insert.exec();
    insert.reset();
}

void SessionWriter::insert_keyframe(const Event& event) {
    const KeyframeEvent& e = event.keyframe;
    switch (e.part) {
        case KeyframePart::kBegin:
        case KeyframePart::kEnd: {
            SQLite::Statement& insert = statement(TableId::kKeyframe);
            insert.bind(1, static_cast<int64_t>(event.seq));
            insert.bind(2, event.t_ns);
            insert.bind(3, static_cast<int64_t>(e.part));
            Binder binder(insert, 4);
            columns(binder, e.begin);
            insert.exec();
            return insert.reset();
        }
        case KeyframePart::kBlocks:
            for (uint32_t i = 0; i < std::min<uint32_t>(e.blocks.used, KeyframeBlocks::kRuns); ++i)
                insert_row(TableId::kKeyframeBlock, event.seq * kRunsPerKey + i, event.t_ns,
                           e.blocks.runs[i]);
            return;
        case KeyframePart::kRequest:
            // Also of one that is known: tokens may have been left out in a gap.
            if (e.request.last_token_ns >= 0) last_token_ns_[e.request.request] = e.request.last_token_ns;
            return insert_row(TableId::kKeyframeRequest, event.seq, event.t_ns, e.request);
        case KeyframePart::kKnob:
            return insert_row(TableId::kKeyframeKnob, event.seq, event.t_ns, e.knob);
        case KeyframePart::kCounters:
            return insert_row(TableId::kKeyframeCounters, event.seq, event.t_ns, e.counters);
    }
}

// ------------------------------------------------------------------------------------------------ texts

void SessionWriter::add_piece(const Event& event) {
    const DictionaryEvent& e = event.dictionary;
    const bool is_text = e.dictionary == DictionaryKind::kPrompt || e.dictionary == DictionaryKind::kToken;
    if (is_text && !options_.record_text) return;
    const DictionaryEvent& first = run_.first;
    const bool continues = run_.open && run_.last_full && event.seq == run_.next_seq &&
                           event.t_ns == run_.t_ns && e.dictionary == first.dictionary && e.id == first.id &&
                           e.total_bytes == first.total_bytes &&
                           e.offset == first.offset + run_.bytes.size() && e.length > 0;
    if (!continues) {
        flush_text();
        run_.open = true;
        run_.seq = event.seq;
        run_.t_ns = event.t_ns;
        run_.first = e;
    }
    run_.bytes.append(e.bytes, std::min<size_t>(e.length, DictionaryEvent::kPieceBytes));
    run_.next_seq = event.seq + 1;
    run_.last_full = is_full(e);
}

void SessionWriter::flush_text() {
    if (!run_.open) return;
    SQLite::Statement& insert = statement(TableId::kDictionary);
    const DictionaryEvent& first = run_.first;
    insert.bind(1, static_cast<int64_t>(run_.seq));
    insert.bind(2, run_.t_ns);
    insert.bind(3, static_cast<int64_t>(first.dictionary));
    insert.bind(4, static_cast<int64_t>(first.id));
    insert.bind(5, static_cast<int64_t>(first.total_bytes));
    insert.bind(6, static_cast<int64_t>(first.offset));
    insert.bindNoCopy(7, run_.bytes.data(), static_cast<int>(run_.bytes.size()));
    insert.exec();
    insert.reset();
    assemble(run_);
    run_ = {};
}

/// Most texts are one run; one that a transaction or another producer cut is put together here.
void SessionWriter::assemble(const TextRun& run) {
    const DictionaryEvent& first = run.first;
    if (first.dictionary == DictionaryKind::kPrompt) return;
    if (first.offset == 0 && run.bytes.size() == first.total_bytes)
        return insert_name(first.dictionary, first.id, run.bytes);
    const auto key = std::pair(first.dictionary, first.id);
    std::string& text = partial_names_[key];
    if (first.offset == 0) text.clear();
    if (first.offset != text.size()) return;
    text += run.bytes;
    if (text.size() != first.total_bytes) return;
    insert_name(first.dictionary, first.id, text);
    partial_names_.erase(key);
}

void SessionWriter::insert_name(DictionaryKind kind, uint32_t id, const std::string& text) {
    insert_name_->bind(1, static_cast<int64_t>(kind));
    insert_name_->bind(2, static_cast<int64_t>(id));
    // A token's bytes need not be whole characters.
    if (kind == DictionaryKind::kToken)
        insert_name_->bind(3, static_cast<const void*>(text.data()), static_cast<int>(text.size()));
    else
        insert_name_->bind(3, text);
    insert_name_->exec();
    insert_name_->reset();
}

}  // namespace pitwall::telemetry
