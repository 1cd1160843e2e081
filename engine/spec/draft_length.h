// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many drafts a step should verify. A draft that is accepted saves a step of its sequence; each one costs a row of this
// step, which everybody in it waits for. Rows are nearly free while weights are what a step moves, and cost their full
// share beyond: neither acceptance nor the batch alone tells where that is, so both halves are measured.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/spec/acceptance.h"
#include "engine/spec/step_times.h"

namespace pitwall::engine {

/// Chooses lengths so that a step gives the most tokens for its time, after SpecDecode-Bench's and vLLM's goodput rule
/// (argmax of expected tokens / expected time), draft by draft: the likeliest next one joins while the quotient rises.
/// Now and then something else is tried, so that what is not done is known too; what that costs is kept below
/// kTrialShare of the time. Makes no draw: equal times give equal choices.
class DraftLength {
  public:
    /// Most tokens of prompts that one step reads for drafts to come, unless more of them take little of its time.
    static constexpr uint32_t kReadAtOnce = 256;
    static constexpr double kTrialShare = 0.02;

    struct Candidate {
        RequestId request{};
        uint32_t strength = 0;
        uint32_t most = 0;  ///< drafts that there are, or could be
        uint32_t behind =
            0;  ///< tokens that a draft model has to read before it drafts; it may take several steps
        uint32_t to_come = 1;  ///< tokens that are still to be answered, which reading them serves
        /// Tokens to read for each of those.
        double reads_a_token() const { return static_cast<double>(behind) / (to_come > 0 ? to_come : 1); }
        // What is chosen:
        uint32_t reads =
            0;  ///< of those behind, in this step; who has not read all of them drafts nothing yet
        uint32_t chosen = 0;  ///< drafts
    };
    /// What the step computes and hands out without any draft.
    struct Step {
        uint32_t rows = 0, tokens = 0;
        bool decodes_only = true;
        bool computes = false;  ///< drafts cost passes over a model
        /// That model's weights as a share of those of the model that verifies. A pass of so few rows as none had yet takes
        /// at most so much of a step of as many rows. One as large can only lose, and to find that out by trying would mean to
        /// read every prompt twice.
        double weight_share = 0;
        uint32_t room = UINT32_MAX;  ///< most drafts in all
    };
    void choose(const Step& step, std::span<Candidate> candidates);
    /// As many as there are or could be, of those who have read what is behind.
    void choose_most(const Step& step, std::span<Candidate> candidates);
    void verified(RequestId request, uint32_t strength, uint32_t drafted, uint32_t accepted) {
        acceptance_.add(request, strength, drafted, accepted);
        if (trying_ == request) trying_.reset();
    }
    /// A step that decoded only, drafts among its rows; without the time in which they were made.
    void step_took(uint32_t rows, int64_t duration_ns);
    /// One with prefill in it.
    void prefill_took(uint32_t rows, int64_t duration_ns);
    /// A pass over the draft model; of drafters that look up there are none, and drafts cost nothing to make.
    void pass_took(uint32_t rows, int64_t duration_ns);
    void end(RequestId request) {
        acceptance_.end(request);
        if (trying_ == request) trying_.reset();
    }

  private:
    struct Plan {
        double tokens = 0, ns = 0;
        double rate() const { return ns > 0 ? tokens / ns : 0; }
    };
    /// What making the drafts costs: a pass over the draft model for each place, with a row for each that has one, and what
    /// is read in the first.
    class Making {
      public:
        Making(const std::vector<double>& curve, double rows_read) : curve_(curve) { add_rows(0, rows_read); }
        void add(const Candidate& candidate, uint32_t place, double chance);
        double ns() const { return ns_; }

      private:
        void add_rows(uint32_t place, double rows);
        const std::vector<double>& curve_;
        std::array<double, Acceptance::kPlaces> rows_{};
        double ns_ = 0;
    };
    struct Next {
        double gain;    ///< tokens, less those that reading what is behind costs
        double chance;  ///< that this draft is accepted, and all before it of the same request
        size_t index;
        bool operator<(const Next& other) const {
            return gain != other.gain ? gain < other.gain : index > other.index;
        }
    };
    bool can_judge(const Step& step) const;
    void expect_times(const Step& step, std::span<const Candidate> candidates);
    void choose_readers(const Step& step, std::span<Candidate> candidates);
    void allot_reading(const Step& step, std::span<Candidate> candidates);
    uint32_t read_room(const Step& step) const;
    void gather_ready(std::span<const Candidate> candidates);
    void hand_back(std::span<Candidate> candidates);
    double worth(const Step& step, const Plan& plan) const;
    Plan best_plan(const Step& step, std::span<Candidate> candidates);
    Plan best_of_depth(const Step& step, std::span<Candidate> candidates, uint32_t depth);
    void fill_heap(const Step& step, std::span<Candidate> candidates);
    double reading_cost(const Step& step, const Candidate& candidate, double tokens) const;
    Plan plan_of(const Step& step, std::span<const Candidate> candidates, double rows_read) const;
    void take(size_t length, std::span<Candidate> candidates) const;
    bool is_tried(const Candidate& candidate) const;
    bool go_on_trying();
    void try_something(const Step& step, std::span<const Candidate> candidates, const Plan& best);
    void vary(const Candidate& one, bool all);
    double loss_ns(const Step& step, double more_rows, const Plan& best) const;

    StepTimes times_, pass_times_;
    Acceptance acceptance_;
    std::vector<double> curve_, pass_curve_;  ///< ns by rows
    std::vector<Candidate> ready_;            ///< who have read all, or do so in this step
    std::vector<size_t> readers_;             ///< candidates who have to read, in their order
    double rows_read_ = 0;                    ///< in this step, however many drafts are made
    std::vector<Next> heap_;
    std::vector<size_t> order_,
        best_order_;         ///< candidates, once for each draft, the likeliest draft first
    size_t length_ = 0;      ///< of order_, what is worth its time
    uint32_t last_row_ = 0;  ///< most rows that this step may have
    double token_ns_ = 0;    ///< what one costs in steps that decode only, newest most; 0: not known
    uint64_t trials_ = 0;
    std::optional<RequestId> trying_;     ///< who drafts as a trial, until a draft was verified
    uint32_t tried_drafts_ = 0;           ///< at most
    uint32_t tries_left_ = 0;             ///< steps
    double total_ns_ = 0, trial_ns_ = 0;  ///< of all steps; lost to trials, as far as it was to be expected
};

}  // namespace pitwall::engine
