// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <algorithm>
#include <utility>

#include "app/window/main_window.h"
#include "panels/common/format.h"
#include "panels/knobs/knob_text.h"
#include "panels/prompt/prompt_panel.h"

namespace pitwall::app {

namespace {
/// 128 bytes each: 32 MiB hold several seconds of the busiest engine, so that a slow frame loses nothing.
constexpr size_t kReaderEvents = size_t{1} << 18;
constexpr int64_t kRateIntervalNs = 1'000'000'000;
constexpr int64_t kStateIntervalNs = 100'000'000;
constexpr int64_t kKeyframeRetryNs = 1'000'000'000;
/// A console under load for an hour or a week stays as large as it was after its first minutes.
constexpr telemetry::StoreLimits kLiveLimits{.detail_ns = int64_t{10} * 60 * 1'000'000'000};
constexpr const char* kNoSession = "no session is running: open one with File > New session";
}  // namespace

void MainWindow::open(Source source) {
    if (loader_.loading()) return say(QStringLiteral("A session is being opened; wait for it"), true);
    const bool leaves_engine = session_ && session_->replay() == nullptr && source.replay;
    end_session();
    store_->clear(source.replay ? telemetry::StoreLimits{} : kLiveLimits);
    selection_.clear();
    failure_.clear();
    delete failure_note_;
    source_ = std::move(source);
    if (source_.replay != replay_panels_) {
        const QByteArray arranged = layout_touched_ ? docks_->saveState(kLayoutVersion) : QByteArray();
        build_panels(source_.replay);
        restyle();
        if (shown_) apply_plan();
        arrange(arranged);
    }
    if (leaves_engine) say(QStringLiteral("The live session has ended; L begins a new one"));
    transport_->session_changed();
    for (PanelDock* dock : docks_->docks())
        if (auto* prompt = qobject_cast<panels::PromptPanel*>(dock->panel())) prompt->session_changed();
    relay_.set_target(nullptr, "a session is being opened: wait for it");
    loader_.start(source_.open);
    show_state();
}

void MainWindow::poll_loader() {
    auto result = loader_.take();
    if (!result) return;
    if (result->ok())
        adopt(std::move(*result).value());
    else
        fail(result->error());
}

void MainWindow::adopt(std::unique_ptr<Session> session) {
    session_ = std::move(session);
    recording_.attend(session_);
    scratch_.attend(session_);
    // Asked for before start(), so that not even the first dictionary is missed.
    reader_ = session_->add_reader(telemetry::Overflow::kDrop, kReaderEvents);
    clock_.set_reader(reader_);
    relay_.set_target(&session_->control());
    event_rate_.clear();
    session_->start();
    if (telemetry::ReplayControl* replay = session_->replay()) {
        transport_->set_recorded_changes(replay->knob_changes());
        replay->play(replay_speed_ = 1);
    }
    refresher_->mark_urgent();
    emit opened();
}

void MainWindow::fail(const Error& error) {
    failure_ = QString::fromStdString(error.text());
    relay_.set_target(nullptr, kNoSession);
    show_failure();
    show_state();
    emit failed(failure_);
}

void MainWindow::show_failure() {
    delete failure_note_;
    failure_note_ = new FailureNote(theme_, failure_, docks_);
    connect(
        failure_note_, &FailureNote::again_wanted, this, [this] { open(Source(source_)); },
        Qt::QueuedConnection);  // it goes as the session opens, and must not in its own signal
    connect(failure_note_, &FailureNote::recording_wanted, this, &MainWindow::ask_for_recording);
    failure_note_->show();
    failure_note_->raise();
}

void MainWindow::end_session() {
    relay_.set_target(nullptr, kNoSession);
    answers_.clear();
    clock_.set_reader(nullptr);
    reader_.reset();
    std::erase_if(ending_, [](std::future<void>& f) {
        return f.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
    if (!session_) return;
    // Stopping waits for the step that runs and for the recording: not on the thread that answers the mouse.
    ending_.push_back(std::async(
        std::launch::async, [session = std::exchange(session_, nullptr), recording = recording_.release(),
                             saved = scratch_.release()]() mutable {
            if (recording.valid()) recording.wait();
            if (saved.valid()) saved.wait();
            session->stop();
        }));
}

void MainWindow::on_frame(const Frame& frame) {
    if (loader_.loading()) poll_loader();
    const auto tell = [this](const QString& sentence, bool bad) { say(sentence, bad); };
    answers_.poll(tell);
    recording_.poll(tell);
    scratch_.poll(status_->facts().message.isEmpty(), tell);
    if (frame.events > 0) refresher_->mark_dirty();
    if (frame.knob_changed) refresher_->mark_urgent();
    note_gap(frame);
    const int64_t now = clock_.now_ns();
    show_rates(now);
    if (now - state_shown_ns_ >= kStateIntervalNs || frame.knob_changed) {
        state_shown_ns_ = now;
        show_state();
    }
    keep_to_budget(frame);
    refresher_->tick();
}

/// What came from the engine is no drawing, and has a budget of its own.
void MainWindow::keep_to_budget(const Frame& frame) {
    const int64_t cpu_ns = thread_cpu_ns();
    const int64_t used_ns = cpu_ns - std::exchange(cpu_ns_, cpu_ns) - frame.drain_cpu_ns;
    drawing_budget_.spend(used_ns, clock_.now_ns());
    const bool engine_runs = session_ && session_->replay() == nullptr && !session_->finished();
    refresher_->set_saving(engine_runs && drawing_budget_.exhausted());
}

/// What the events told last: a device that is lost makes place for another. The session knows it before they come.
QString MainWindow::device_name() const {
    const std::string_view told = store_->session("device");
    return told.empty() ? QString::fromStdString(session_->device_name()) : panels::to_qstring(told);
}

/// After a gap the block map is unsure until the next keyframe, so one is asked for.
void MainWindow::note_gap(const Frame& frame) {
    const int64_t now = clock_.now_ns();
    if (frame.dropped == 0 && !(store_->incomplete() && now - keyframe_asked_ns_ > kKeyframeRetryNs)) return;
    if (now - keyframe_asked_ns_ < kKeyframeRetryNs) return;
    keyframe_asked_ns_ = now;
    if (session_ && session_->replay() == nullptr) relay_.request_keyframe();
}

void MainWindow::show_rates(int64_t now_ns) {
    if (now_ns - rates_shown_ns_ < kRateIntervalNs) return;
    rates_shown_ns_ = now_ns;
    event_rate_.read(store_->now_ns(), store_->events_applied());
    refresher_->mark_dirty();  // the clock and the status bar go on when nothing comes
}

SourceState MainWindow::describe() const {
    using Kind = SourceState::Kind;
    SourceState state;
    state.name = source_.name;
    if (loader_.loading()) {
        const Progress progress = loader_.progress();
        state.kind = Kind::kLoading;
        state.sentence = progress_sentence(progress);
        state.share = progress.total > 0 ? double(progress.done) / double(progress.total) : 0;
        return state;
    }
    if (!session_) {
        state.kind = failure_.isEmpty() ? Kind::kNone : Kind::kFailed;
        state.sentence = failure_;
        return state;
    }
    state.name = QString::fromStdString(session_->model_name());
    state.device = device_name();
    if (telemetry::ReplayControl* replay = session_->replay()) {
        state.kind = Kind::kReplay;
        const QString speed =
            replay->speed() == 0 ? QStringLiteral("paused") : QString::number(replay->speed()) + u'\u00d7';
        state.sentence =
            QStringLiteral("Replay %1 of %2, %3. L goes live")
                .arg(panels::format_clock(store_->now_ns()), panels::format_clock(replay->end_ns()), speed);
        return state;
    }
    state.kind = session_->finished() ? Kind::kEnded : source_.simulated ? Kind::kSimulated : Kind::kLive;
    state.paused = store_->paused() && state.kind != Kind::kEnded;
    const uint64_t step = store_->steps().empty() ? 0 : store_->steps().back().step.step_id;
    if (state.paused)
        state.sentence = QStringLiteral("%1Paused at step %2. Space resumes, . runs one step")
                             .arg(source_.simulated ? QStringLiteral("Simulated. ") : QString(),
                                  panels::format_count(int64_t(step)));
    return state;
}

/// Once: a replay that stands still where its file is damaged says so.
void MainWindow::tell_trouble() {
    const std::optional<Error> trouble = session_ ? session_->trouble() : std::nullopt;
    if (trouble && !trouble_told_) say(QString::fromStdString(trouble->text()), true);
    trouble_told_ = trouble.has_value();
}

void MainWindow::show_state() {
    tell_trouble();
    toolbar_->set_state(describe());
    draft_model_->setEnabled(session_ && session_->replay() == nullptr && !session_->finished());
    panels::TransportState transport;
    panels::StatusFacts facts = status_->facts();
    transport.end_ns = store_->now_ns();
    if (session_) {
        transport.running = !session_->finished();
        transport.recording = recording_.state().recording;
        transport.recorded_bytes = recording_.state().bytes;
        transport.failed = recording_.state().failed;
        if (telemetry::ReplayControl* replay = session_->replay()) {
            transport.replay = true;
            transport.begin_ns = replay->begin_ns();
            transport.end_ns = replay->end_ns();
            transport.speed = replay->speed();
        }
        facts.model = QString::fromStdString(session_->model_name());
        facts.device = device_name();
        facts.recording = recording_.state().recording;
        facts.recorder_lag_ns = recording_.state().lag_ns;
    }
    facts.events_per_s = event_rate_.per_s();
    transport_->set_state(transport);
    status_->set_facts(facts);
}

void MainWindow::say(const QString& sentence, bool bad) {
    panels::StatusFacts facts = status_->facts();
    facts.message = sentence;
    facts.message_bad = bad;
    status_->set_facts(facts);
    if (!sentence.isEmpty()) message_timer_.start();
}

}  // namespace pitwall::app
