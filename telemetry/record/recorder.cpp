// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/record/recorder.h"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <limits>

#include "telemetry/record/session_file.h"
#include "telemetry/record/session_writer.h"

namespace pitwall::telemetry {

namespace {

// A look ten times a batch: cheap when idle, and far from filling the queue in between.
constexpr auto kLook = std::chrono::milliseconds(5);
// The log's usual size, a batch, and the pages that the mark needs.
constexpr long kReserveBytes = 8L << 20;
constexpr uint32_t kPagesForTheMark = 64;
constexpr uint64_t kForEver = std::numeric_limits<uint64_t>::max();

int64_t wall_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

bool is_disk_full(const SQLite::Exception& e) {
    // SQLite tells a limit on the size of files (EFBIG) as a failed write.
    return e.getErrorCode() == SQLITE_FULL || e.getErrorCode() == SQLITE_IOERR;
}

Event mark(uint64_t seq, int64_t t_ns, MarkKind kind, int64_t value) {
    Event event;
    event.seq = seq;
    event.t_ns = t_ns;
    event.kind = EventKind::kMark;
    event.mark.mark = kind;
    event.mark.value = value;
    return event;
}

}  // namespace

Recorder::Recorder(std::shared_ptr<Reader> reader, RecorderOptions options)
    : reader_(std::move(reader)), options_(options) {
    reader_->set_gap_on_overflow(options_.gap_on_overflow);
}

Recorder::~Recorder() { (void)stop(); }

Status Recorder::start(const std::string& path) {
    auto writer =
        SessionWriter::create(path, {options_.record_text, options_.overwrite, options_.most_pages});
    if (!writer.ok()) {
        reader_->discard();
        return writer.error();
    }
    path_ = path;
    writer_ = std::move(writer).value();
    reserve_ = std::make_unique<SpaceReserve>(path, kReserveBytes);
    recording_ = true;
    thread_ = std::thread([this] { run(); });
    return {};
}

Status Recorder::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    return stopped_.value_or(Status());
}

std::optional<Error> Recorder::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

uint64_t Recorder::bytes_written() const { return session_file_bytes(path_); }

int64_t Recorder::lag_ns() const {
    return std::max<int64_t>(
        taken_t_ns_.load(std::memory_order_relaxed) - committed_t_ns_.load(std::memory_order_relaxed), 0);
}

// ------------------------------------------------------------------------------------------------ the thread

void Recorder::run() {
    try {
        // What came before stop() belongs to the recording; producers may go on meanwhile.
        for (uint64_t last_wanted = kForEver; last_seq_ < last_wanted;) {
            take_batch();
            if (!batch_.empty()) write_batch();
            if (batch_.empty() && last_wanted != kForEver) break;  // the rest overflowed
            if (writer_->in_transaction() && wall_ns() - begun_wall_ns_ >= options_.batch_ns) commit();
            if (at_limit_) return end_at_limit();
            const bool stopping = pause_until_stop(batch_.empty());
            if (stopping && last_wanted == kForEver) last_wanted = reader_->last_published_seq();
        }
        finish();
    } catch (const SQLite::Exception& e) {
        const bool full = is_disk_full(e);
        fail({"recording to '" + path_ + "' ended (" + e.what() + ")",
              full ? "free some space, and start another recording" : "start another recording"},
             full ? Ending{ENOSPC, kEndByDisk} : Ending{EIO, kEndByError});
    } catch (const std::exception& e) {  // no memory: the engine goes on without its recording
        fail({"recording to '" + path_ + "' ended (" + e.what() + ")", "start another recording"},
             {EIO, kEndByError});
    }
    recording_ = false;
}

/// True once stop() was called; waits a little for that where there is nothing else to do.
bool Recorder::pause_until_stop(bool idle) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, idle ? kLook : kLook.zero(), [this] { return stopping_; });
}

void Recorder::take_batch() {
    batch_.clear();
    reader_->drain(batch_, options_.batch_events);
}

void Recorder::write_batch() {
    if (!writer_->in_transaction()) begun_wall_ns_ = wall_ns();
    for (const Event& event : batch_) {
        if (last_seq_ != 0 && event.seq != last_seq_ + 1) note_gap(event);
        writer_->write(event);
        last_seq_ = event.seq;
        last_t_ns_ = std::max(last_t_ns_, event.t_ns);
    }
    taken_t_ns_.store(last_t_ns_, std::memory_order_relaxed);
    if (batch_.size() >= options_.batch_events) commit();
}

/// The bus numbers all events, and this reader is given all: a hole in the numbers is what overflowed.
void Recorder::note_gap(const Event& next) {
    const uint64_t left_out = next.seq - last_seq_ - 1;
    writer_->write(mark(last_seq_ + 1, last_t_ns_, MarkKind::kGap, static_cast<int64_t>(left_out)));
    events_left_out_.fetch_add(left_out, std::memory_order_relaxed);
}

void Recorder::commit() {
    writer_->commit();
    committed_t_ns_.store(last_t_ns_, std::memory_order_relaxed);
    committed_seq_.store(last_seq_, std::memory_order_relaxed);
    events_committed_.store(writer_->events_written(), std::memory_order_relaxed);
    at_limit_ = options_.most_bytes > 0 && writer_->file_bytes() >= options_.most_bytes;
}

void Recorder::end_at_limit() {
    reached_limit_ = true;
    fail({"recording to '" + path_ + "' ended at the size that it may have", "start another recording"},
         {EFBIG, kEndByLimit});
}

void Recorder::finish() {
    // Left out at the very end: nothing follows that would show the hole.
    if (const uint64_t lost = reader_->dropped(); lost > events_left_out_) {
        const uint64_t left_out = lost - events_left_out_;
        writer_->write(mark(last_seq_ + 1, last_t_ns_, MarkKind::kGap, static_cast<int64_t>(left_out)));
        events_left_out_ = lost;
    }
    commit();
    writer_->mark_end(writer_->session_ended() ? kEndOfSession : kEndByStop);
    Status status = writer_->finish();
    writer_.reset();
    reserve_.reset();
    const std::lock_guard lock(mutex_);
    stopped_ = std::move(status);
}

void Recorder::fail(const Error& error, const Ending& ending) {
    reader_->discard();
    reserve_.reset();
    writer_->roll_back();
    try {
        if (options_.most_pages > 0) writer_->grant_pages(options_.most_pages + kPagesForTheMark);
        writer_->write(mark(committed_seq_ + 1, committed_t_ns_, MarkKind::kRecordingEnded, ending.reason));
        writer_->mark_end(ending.word);
        (void)writer_->finish();
    } catch (const SQLite::Exception&) {
        // No room even for the mark. What was committed is whole, and a missing end says the rest.
    }
    writer_.reset();
    {
        const std::lock_guard lock(mutex_);
        failure_ = error;
    }
    recording_ = false;
}

}  // namespace pitwall::telemetry
