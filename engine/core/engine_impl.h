// SPDX-License-Identifier: GPL-3.0-or-later
//
// The inside of Engine, spread over files by what it does: engine_requests.cpp (in and out), engine_step.cpp (plan and
// submit), engine_speculation.cpp (draft), engine_commit.cpp (collect and commit), engine_time.cpp (pauses, time-outs,
// accounts), engine_knobs.cpp, engine_pool.cpp (size and format of the KV pool), engine_history.cpp (replay of a numeric
// history), engine_probe.cpp (what the KV format costs), engine_recovery.cpp (a device that was lost),
// engine_keyframe.cpp.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/core/engine.h"
#include "engine/core/event_writer.h"
#include "engine/core/live_request.h"
#include "engine/kv/kv_cache.h"
#include "engine/probe/quality_probe.h"
#include "engine/sched/scheduler.h"
#include "engine/spec/draft_length.h"
#include "engine/spec/drafter.h"

namespace pitwall::engine {

class Engine::Impl {
  public:
    Impl(std::unique_ptr<Executor> executor, const Tokenizer* tokenizer, const presets::KnobValues& knobs,
         Clock& clock, telemetry::Producer& producer, uint32_t max_context_tokens, DrafterFactory drafters,
         ExecutorRecovery recovery);

    // engine_requests.cpp
    RequestId submit(GenerationRequest request, RequestListener* listener);
    Answer cancel(RequestId request);
    // engine_step.cpp
    bool step();
    bool has_work() const {
        return !scheduler_.running().empty() || !scheduler_.waiting().empty() || !in_flight_.empty();
    }
    // engine_time.cpp
    void pause();
    void resume();
    void allow_single_step();
    bool paused() const { return paused_; }
    int64_t unpaused_ns(int64_t t_ns) const;
    int64_t next_deadline_ns() const;
    void idle_tick();
    void book_recorder_wait(int64_t since_ns);
    // engine_knobs.cpp
    Answer set_knob(presets::KnobId knob, double value, telemetry::KnobOrigin origin);
    Answer flush_prefix_cache();
    // engine_probe.cpp
    bool probe_when_idle();
    // engine_keyframe.cpp
    void publish_start();
    void publish_keyframe(bool with_dictionary);
    void publish_end();
    size_t next_step_events() const;

    uint64_t steps() const { return steps_; }
    const presets::KnobValues& effective_knobs() const { return effective_; }
    const DeviceInfo& device() const { return executor_->device(); }
    EngineMemory memory() const;
    Status check_integrity() const;

  private:
    /// A plan handed over and not yet collected.
    struct InFlight {
        StepPlan plan;
        std::vector<ScheduledSlice> slices;
        telemetry::StepEvent event{};
        int64_t start_ns = 0;
        int64_t draft_begin_ns = 0, draft_end_ns = 0;
        Ticket ticket{};
    };
    struct Ending {
        LiveRequest* request;
        FinishReason reason;
        std::string tail;
    };
    /// Of a request that has ended.
    struct RecentText {
        RequestId request;
        std::vector<TokenId> tokens;
        ProbedPieces probed;
    };
    /// What a bound made of the wish, and why; empty where nothing did.
    struct Bounded {
        telemetry::KnobBound bound = telemetry::KnobBound::kNone;
        std::string reason;
    };
    static LiveRequest& live(Sequence& sequence) { return static_cast<LiveRequest&>(sequence); }
    int64_t stamp();  ///< now, on the clock, for the events that follow

    // Requests.
    std::string reason_to_reject(const GenerationRequest& request, const LiveRequest& r) const;
    std::string reason_it_never_fits(const LiveRequest& r) const;
    void set_deadline(LiveRequest& r, int64_t timeout_ns);
    uint16_t class_number(const std::string& name);
    void publish_prompt(const LiveRequest& r, const GenerationRequest& request);
    /// Everything that an end is, at the writer's time. `r` may be gone afterwards.
    void end_request(LiveRequest& r, FinishReason reason, const std::string& tail, const std::string& error);
    void forget(LiveRequest& r);

    // Steps.
    void submit_step(Proposal& proposal, int64_t start_ns);
    void publish_schedule(const Proposal& proposal, const std::vector<ScheduledSlice>& slices);
    void build_plan(InFlight& step);
    std::span<const TokenId> banned_for(const LiveRequest& r) const;
    static uint32_t banned_before(const LiveRequest& r);
    void book_admissions(const Proposal& proposal, int64_t start_ns);
    void book_overtaken(int64_t start_ns);
    // engine_speculation.cpp
    double change_drafter(double choice, Bounded& bounded);
    double change_activations(double choice, Bounded& bounded);
    double change_batch_invariance(double value, Bounded& bounded);
    double loaded_weight_dtype(double value, Bounded& bounded);
    NumericFormat numeric_format() const;  ///< of what is computed from now on
    void lose_broken_drafter();
    void lose_drafter(std::string why);
    void publish_draft_model_lost();
    void draft(Proposal& proposal, InFlight& step);
    void draft_apart(Proposal& proposal);
    void draft_together(BatchDrafter& drafter, Proposal& proposal);
    void ask_for_drafts(const Proposal& proposal, const Proposal::Share& share);
    void choose_asks(const BatchDrafter& drafter, const Proposal& proposal);
    DraftLength::Candidate candidate_of(const BatchDrafter& drafter, const DraftAsk& ask) const;
    void keep_asks_within(uint32_t tokens);
    void share_draft_time(Proposal& proposal, int64_t took_ns);
    void take_down_drafts(Proposal::Share& share, uint32_t most);
    void choose_draft_lengths(Proposal& proposal);
    DraftLength::Step step_without_drafts(const Proposal& proposal) const;
    void take_drafts(Proposal& proposal);
    void learn_from(const InFlight& step, const StepPhases& phases);
    void publish_drafts(const InFlight& step);

    void collect_step();
    void collect_all() {
        while (!in_flight_.empty()) collect_step();
    }
    /// Nothing is in flight then, and there is a device: another one, where one was lost.
    void drain() {
        collect_all();
        replace_if_lost();
    }
    static StepPhases phases_of(const InFlight& step, const StepResult& result, int64_t done_ns);
    void book_step(const InFlight& step, const StepPhases& phases);
    std::vector<Ending> hand_out(InFlight& step, std::span<const TokenId> sampled);
    void book_delivery(const InFlight& step, const std::vector<Ending>& endings, int64_t handed_out_ns);
    Ending accept_sampled(LiveRequest& r, ScheduledSlice& slice, std::span<const TokenId> sampled);
    Ending accept_token(LiveRequest& r, uint32_t position, TokenId token, telemetry::TokenOrigin origin);
    void commit_slices(InFlight& step, bool computed);
    void publish_step(InFlight& step, const StepResult& result, const StepPhases& phases);
    void end_members(const InFlight& step, const std::vector<Ending>& endings, const Status& status);

    // engine_recovery.cpp
    void replace_if_lost();
    void replace_device(const Error& why);
    void leave_device(const Error& why);
    void move_in(std::unique_ptr<Executor> executor);
    void take_up_kv_format(KvDtype wanted);
    void remake_drafter();
    void tell_what_changed();
    void follow_device(presets::KnobId knob, double now);
    void fail_those_without_room();

    // Time.
    void expire(int64_t now_ns);
    void book_waiting(LiveRequest& r, int64_t until_ns);
    void book_standing(LiveRequest& r, int64_t until_ns);
    void book_active(int64_t until_ns);
    void stand_still(Cause cause, int64_t from_ns, int64_t to_ns);
    void begin_pause(int64_t now_ns);
    void end_pause(int64_t now_ns);
    void publish_accounts();

    // Knobs.
    SchedulerSettings settings() const;
    void begin_with(presets::KnobId id, double (Impl::*change)(double, Bounded&));
    double apply_knob(presets::KnobId knob, double value, Bounded& bounded);
    void publish_knob(presets::KnobId knob, double old_value, double asked, telemetry::KnobBound bound,
                      telemetry::KnobOrigin origin, int64_t pause_ns);

    // The KV pool.
    void open_pool();
    uint32_t largest_need() const { return needs_.empty() ? 0 : needs_.rbegin()->first; }
    double resize_pool(uint32_t asked, Bounded& bounded);
    bool preempt_last();
    void shrink_pool(uint32_t num_blocks, Bounded& bounded);
    void shrink_further();
    void book_kv_move();
    uint32_t blocks_for(const KvCapacity& capacity) const;
    double convert_kv(double choice, Bounded& bounded);
    bool change_format(KvDtype dtype, uint32_t num_blocks, Bounded& bounded);
    void follow_pool_bytes(uint32_t old_blocks);

    // Numeric histories.
    void follow_history();
    void begin_next_stage(LiveRequest& r);
    bool is_in_force(const NumericFormat& format) const;
    bool replay_change(const NumericFormat& format);

    // The quality probe.
    bool may_probe();
    void probe_between_steps(int64_t step_ns);
    int64_t probe_piece();
    bool begin_probe_of_running();
    bool begin_probe_of_recent();
    std::optional<ProbedPieces::Piece> next_piece(RequestId request, std::span<const TokenId> tokens,
                                                  const ProbedPieces& probed, uint32_t most) const;
    bool begin_probe(RequestId request, std::span<const TokenId> tokens, const ProbedPieces& probed,
                     uint32_t most);
    ProbedPieces* probed_pieces(RequestId request);
    void remember_text(const LiveRequest& r);

    // Keyframes.
    void publish_block_runs();
    void publish_dictionary();

    std::unique_ptr<Executor> executor_;
    const Tokenizer* tokenizer_;
    Clock& clock_;
    uint32_t max_context_tokens_;
    EventWriter writer_;
    presets::KnobValues asked_, effective_;
    std::array<telemetry::KnobBound, presets::kKnobCount> bounds_{};
    uint64_t pool_bytes_ = 0;  ///< what num_kv_blocks meant when it was asked for; a conversion keeps it
    KvCache kv_;
    Scheduler scheduler_;
    LiveRequest* replaying_ = nullptr;  ///< a request that replays a numeric history
    ExecutorRecovery recovery_;
    int64_t devices_lost_ = 0;
    std::string no_device_;  ///< why there is none to go on with; "": there is one
    DrafterFactory drafters_;
    DraftMethod draft_method_ = DraftMethod::kNone;
    std::unique_ptr<Drafter> drafter_;  ///< null: nothing is drafted
    std::string draft_model_lost_;      ///< why, until the method is chosen again
    std::unique_ptr<DraftLength> draft_length_;
    std::vector<TokenId> drafted_;  ///< in this step, before lengths were chosen
    std::vector<DraftLength::Candidate> candidates_;
    std::vector<DraftAsk> asks_;
    int64_t unbooked_draft_ns_ = 0;  ///< of passes that read texts and gave no draft yet

    QualityProbe probe_;
    NumericFormat probe_format_{.kv = QualityProbe::kReference};
    int64_t probe_busy_ns_ = 0,
            probe_spent_ns_ = 0;  ///< time of steps since the format began, and of the probe
    int64_t probe_piece_ns_ = 0, probe_cost_ns_ = 0;  ///< of the last piece, of the sample so far
    bool probe_failed_ = false;
    uint32_t probe_samples_ = 0;  ///< of this format
    RequestId probed_ = kNoRequest;
    std::deque<RecentText> recent_texts_;

    std::map<uint32_t, std::unique_ptr<LiveRequest>> requests_;  ///< in order of number
    std::map<uint32_t, uint32_t> needs_;  ///< most blocks of each live request -> how many need so many
    std::vector<Sequence*> zombies_;      ///< ended, but in a plan in flight
    std::set<std::pair<int64_t, uint32_t>> deadlines_;
    std::deque<InFlight> in_flight_;
    std::vector<LiveRequest*> overtaken_;
    WaitLog wait_log_;

    std::vector<TokenId> end_tokens_;
    std::vector<bool> token_told_;
    std::vector<std::string> classes_;
    uint32_t last_request_ = 0;
    uint64_t steps_ = 0, steps_submitted_ = 0, keyframes_ = 0;
    telemetry::KeyframeCounters counters_{};

    bool paused_ = false, single_step_ = false;
    int64_t paused_since_ns_ = 0, last_pause_begin_ns_ = 0, last_pause_end_ns_ = 0, paused_total_ns_ = 0;
    Cause cause_before_pause_ = Cause::kScheduling;
};

}  // namespace pitwall::engine
