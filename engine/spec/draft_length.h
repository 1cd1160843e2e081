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
#include <unordered_map>
#include <vector>

#include "engine/spec/drafter.h"

namespace pitwall::engine {

/// How long steps of so many rows take, from those that were seen; in between on the line through the neighbours.
class StepTimes {
  public:
    static constexpr uint32_t kMostRows = 1024;

    void add(uint32_t rows, double ns);
    /// A step of many rows that is not quite of the kind: it only says how steeply times go on beyond the last.
    void add_far(uint32_t rows, double ns);
    /// Times of [0, rows] rows, none shorter than the one before. Beyond the last that was seen it goes on towards what is
    /// far, at least as steeply as before it; all 0 where nothing was seen.
    void curve(uint32_t rows, std::vector<double>& out) const;
    /// A step of as many rows, within a quarter.
    bool was_seen_near(uint32_t rows) const;
    uint32_t least_seen() const;  ///< 0 where nothing was seen
    uint32_t most_seen() const { return seen_.empty() ? 0 : static_cast<uint32_t>(seen_.size() - 1); }

  private:
    struct Seen {
        uint32_t times = 0;
        double ns = 0;
    };
    double slope_beyond(uint32_t last, double last_ns) const;
    std::vector<Seen> seen_;  ///< by rows
    double far_rows_ = 0, far_ns_ = 0;
};

/// How likely a draft is accepted, given that those before it were: by how sure the drafter was and by its place, and of one
/// request how much better or worse than that.
class Acceptance {
  public:
    static constexpr uint32_t kPlaces = 8;

    double chance(RequestId request, uint32_t strength, uint32_t place) const;
    double mean_chance(uint32_t strength, uint32_t place) const;
    void add(RequestId request, uint32_t strength, uint32_t drafted, uint32_t accepted);
    /// It had drafts, and none was verified: what is known of it is a step older.
    void rest(RequestId request);
    void end(RequestId request) { offsets_.erase(raw(request)); }

  private:
    struct Mean {
        uint32_t times = 0;
        double value = 0;
    };
    std::array<std::array<Mean, kPlaces>, Drafter::kStrengths> means_{};
    std::unordered_map<uint32_t, double> offsets_;
};

/// Chooses lengths so that a step gives the most tokens for its time, after SpecDecode-Bench's and vLLM's goodput rule
/// (argmax of expected tokens / expected time), draft by draft: the likeliest next one joins while the quotient rises.
/// Now and then something else is tried, so that what is not done is known too; what that costs is kept below
/// kTrialShare of the time. Makes no draw: equal times give equal choices.
class DraftLength {
  public:
    struct Candidate {
        RequestId request{};
        uint32_t strength = 0;
        uint32_t most = 0;    ///< drafts that there are, or could be
        uint32_t behind = 0;  ///< rows that a draft model has to read for it, as a share of this step's
        uint32_t chosen = 0;  ///< what choose() says
    };
    /// What the step computes and hands out without any draft.
    struct Step {
        uint32_t rows = 0, tokens = 0;
        bool decodes_only = true;
        bool computes = false;  ///< drafts cost passes over a model
        /// A pass of so few rows as none had yet takes at most so much of a step of as many rows; 0: nobody knows.
        double pass_share = 0;
        uint32_t room = UINT32_MAX;  ///< most drafts in all
    };
    void choose(const Step& step, std::span<Candidate> candidates);
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
    void end(RequestId request) { acceptance_.end(request); }

    static constexpr double kTrialShare = 0.02;

  private:
    struct Plan {
        double tokens = 0, ns = 0;
        double rate() const { return ns > 0 ? tokens / ns : 0; }
    };
    /// What making the drafts costs: a pass over the draft model for each place, with a row for each that has one.
    class Making {
      public:
        explicit Making(const std::vector<double>& curve) : curve_(curve) {}
        void add(uint32_t place, uint32_t rows);
        double ns() const { return ns_; }

      private:
        double pass_ns(uint32_t rows) const;
        const std::vector<double>& curve_;
        std::array<uint32_t, Acceptance::kPlaces> rows_{};
        double ns_ = 0;
    };
    struct Next {
        double chance;  ///< that this draft is accepted, and all before it of the same request
        size_t index;
        bool operator<(const Next& other) const {
            return chance != other.chance ? chance < other.chance : index > other.index;
        }
    };
    void expect_times(const Step& step, uint32_t pass_rows);
    Plan best_plan(const Step& step, std::span<Candidate> candidates);
    Plan best_of_depth(const Step& step, std::span<Candidate> candidates, uint32_t depth);
    void fill_heap(std::span<Candidate> candidates);
    Plan plan_of(const Step& step, std::span<const Candidate> candidates) const;
    void take(size_t length, std::span<Candidate> candidates) const;
    void vary(std::span<Candidate> candidates) const;
    bool go_on_trying(std::span<Candidate> candidates);
    void try_something(const Step& step, std::span<Candidate> candidates, const Plan& best);

    StepTimes times_, pass_times_;
    Acceptance acceptance_;
    std::vector<double> curve_, pass_curve_;  ///< ns by rows
    std::vector<Next> heap_;
    std::vector<size_t> order_,
        best_order_;         ///< candidates, once for each draft, the likeliest draft first
    size_t length_ = 0;      ///< of order_, what is worth its time
    uint32_t last_row_ = 0;  ///< most rows that this step may have
    uint64_t trials_ = 0;
    std::optional<RequestId> trying_;     ///< who drafts as a trial, until a draft was verified
    uint32_t tries_left_ = 0;             ///< steps
    double total_ns_ = 0, trial_ns_ = 0;  ///< of all steps; lost to trials, as far as it was to be expected
};

}  // namespace pitwall::engine
