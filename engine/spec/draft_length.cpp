// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/draft_length.h"

#include <algorithm>
#include <cmath>

namespace pitwall::engine {

namespace {

/// At least: a trial that costs nothing is no news every step.
constexpr double kStepsBetweenTrials = 16;
constexpr uint32_t kMostTries = 32;  ///< steps of one trial
/// Of a step's time: so much may be added to it by reading texts for drafts to come.
constexpr double kReadShare = 0.5;
constexpr double kNewestPrice = 1.0 / 8;  ///< of what a token costs
/// The newest token, and a draft that held of which the KV was not needed before, are read with what is drafted.
constexpr uint32_t kNoText = 1;

}  // namespace

void DraftLength::choose(const Step& step, std::span<Candidate> candidates) {
    for (Candidate& candidate : candidates) candidate.chosen = candidate.reads = 0;
    rows_read_ = 0;
    if (!can_judge(step)) return;
    expect_times(step, candidates);
    if (step.computes && curve_[step.rows] <= 0) return;  // for nothing is known that it could be worth
    choose_readers(step, candidates);
    gather_ready(candidates);
    const Plan best = best_plan(step, ready_);
    if (step.decodes_only && best.tokens > 0)
        token_ns_ += (token_ns_ > 0 ? kNewestPrice : 1) * (best.ns / best.tokens - token_ns_);
    if (step.decodes_only && !go_on_trying()) try_something(step, candidates, best);
    hand_back(candidates);
    for (const Candidate& candidate : candidates)
        if (candidate.most > 0 && candidate.chosen == 0) acceptance_.rest(candidate.request);
}

void DraftLength::choose_most(const Step& step, std::span<Candidate> candidates) {
    expect_times(step, candidates);
    rows_read_ = 0;
    trying_.reset();
    for (Candidate& candidate : candidates) candidate.reads = 0, candidate.chosen = candidate.most;
    allot_reading(step, candidates);
    for (Candidate& candidate : candidates)
        if (candidate.reads < candidate.behind) candidate.chosen = 0;
}

/// What is to be improved on has to be known first, or what is much like it; and a step of very many rows is no place for
/// guesses.
bool DraftLength::can_judge(const Step& step) const {
    return step.rows < StepTimes::kMostRows && step.weight_share < 1 &&
           (!step.decodes_only || times_.was_seen_near(step.rows));
}

/// The first pass reads prompts, and takes long: that those without any do too would be believed for ever, since none would
/// be made.
void DraftLength::expect_times(const Step& step, std::span<const Candidate> candidates) {
    uint32_t drafts = 0;
    for (const Candidate& candidate : candidates) drafts += candidate.most;
    last_row_ = std::min(step.rows, StepTimes::kMostRows);
    last_row_ += std::min({drafts, step.room, StepTimes::kMostRows - last_row_});
    times_.curve(step.computes ? StepTimes::kMostRows : last_row_, curve_);
    if (!step.computes) return pass_curve_.clear();
    pass_times_.curve(StepTimes::kMostRows, pass_curve_);
    if (step.weight_share <= 0) return;
    for (uint32_t rows = 1; rows < pass_times_.least_seen(); ++rows)
        pass_curve_[rows] = std::min(pass_curve_[rows], step.weight_share * curve_[rows]);
}

// --------------------------------------------------------------------------------------------- reading

/// As though all texts were read, at the price of reading them for each token to come: that is what it is for. Who has to
/// read drafts nothing yet, and what it will be worth says nothing of this step.
void DraftLength::choose_readers(const Step& step, std::span<Candidate> candidates) {
    if (!step.computes) return;
    if (std::ranges::all_of(candidates, [](const Candidate& c) { return c.behind == 0; })) return;
    best_plan(step, candidates);
    allot_reading(step, candidates);
}

/// First who has next to nothing to read, then whose reading costs the least for each token to come: so texts that were begun
/// are finished, and none is read for an answer that is about to end before one that has begun.
void DraftLength::allot_reading(const Step& step, std::span<Candidate> candidates) {
    readers_.clear();
    for (size_t i = 0; i < candidates.size(); ++i)
        if (candidates[i].behind > 0 && (candidates[i].chosen > 0 || is_tried(candidates[i])))
            readers_.push_back(i);
    const auto price = [&](size_t index) {
        const Candidate& c = candidates[index];
        return c.behind <= kNoText || is_tried(c) ? 0.0 : c.reads_a_token();
    };
    std::ranges::stable_sort(readers_, {}, price);
    // A pass of more rows than times are kept of would teach nothing.
    const auto least_rows = static_cast<uint32_t>(2 * candidates.size());
    uint32_t room =
        std::min(read_room(step), StepTimes::kMostRows - std::min(least_rows, StepTimes::kMostRows));
    for (const size_t index : readers_) {
        Candidate& c = candidates[index];
        c.reads = c.behind <= kNoText ? c.behind : std::min(c.behind, room);
        if (c.behind > kNoText) room -= c.reads;
        rows_read_ += c.reads;
    }
}

uint32_t DraftLength::read_room(const Step& step) const {
    const double most_ns = kReadShare * curve_[std::min(step.rows, StepTimes::kMostRows)];
    if (pass_curve_.back() <= 0) return kReadAtOnce;
    const auto too_long = std::ranges::upper_bound(pass_curve_, most_ns);
    return std::max(kReadAtOnce, static_cast<uint32_t>(too_long - pass_curve_.begin()) - 1);
}

void DraftLength::gather_ready(std::span<const Candidate> candidates) {
    ready_.clear();
    for (const Candidate& candidate : candidates) {
        if (candidate.reads < candidate.behind) continue;
        ready_.push_back(candidate);
        ready_.back().behind = 0;  // it is read, whatever is chosen now
    }
}

void DraftLength::hand_back(std::span<Candidate> candidates) {
    auto ready = ready_.begin();
    for (Candidate& candidate : candidates) {
        const bool is_ready = candidate.reads == candidate.behind;
        candidate.chosen = is_ready ? (ready++)->chosen : 0;
    }
}

// --------------------------------------------------------------------------------------------- the best plan

void DraftLength::Making::add_rows(uint32_t place, double rows) {
    const auto pass_ns = [&](double count) {
        if (curve_.empty() || count <= 0) return 0.0;
        const double last = static_cast<double>(curve_.size() - 1);
        if (count >= last) return curve_.back() * count / last;
        const auto below = static_cast<size_t>(count);
        return std::lerp(curve_[below], curve_[below + 1], count - static_cast<double>(below));
    };
    double& pass = rows_[std::min(place, Acceptance::kPlaces - 1)];
    ns_ -= pass_ns(pass);
    pass += rows;
    ns_ += pass_ns(pass);
}

/// A text is read once for all tokens to come: each token that a step gives bears its share.
void DraftLength::Making::add(const Candidate& candidate, uint32_t place, double chance) {
    add_rows(place, 1);
    if (candidate.behind == 0) return;
    const double tokens = place == 0 ? 1 + chance : chance;
    add_rows(0, tokens * candidate.reads_a_token());
}

/// Tokens for the time: a step of decodes is followed by more of its kind. One with prefill takes long for what it reads,
/// which has to be read whatever is drafted: what a token is worth there is what it costs elsewhere.
double DraftLength::worth(const Step& step, const Plan& plan) const {
    if (step.decodes_only || token_ns_ <= 0) return plan.rate();
    return plan.tokens * token_ns_ - plan.ns;
}

/// A pass over a draft model costs much the same for one row as for many: how many there are is chosen first, by trying each
/// number. Looking up has no passes, and one try says all.
DraftLength::Plan DraftLength::best_plan(const Step& step, std::span<Candidate> candidates) {
    Plan best = best_of_depth(step, candidates, step.computes ? 1 : UINT32_MAX);
    for (uint32_t depth = 2; step.computes && depth <= Acceptance::kPlaces; ++depth) {
        best_order_.swap(order_);
        const size_t best_length = length_;
        const Plan plan = best_of_depth(step, candidates, depth);
        if (worth(step, plan) > worth(step, best)) {
            best = plan;
            continue;
        }
        order_.swap(best_order_);
        length_ = best_length;
    }
    take(length_, candidates);
    return best;
}

/// In tokens of this step: of a text that is read once for all tokens to come, the share that `tokens` of them bear.
double DraftLength::reading_cost(const Step& step, const Candidate& candidate, double tokens) const {
    if (candidate.behind == 0 || step.tokens == 0) return 0;
    const double row_ns = (pass_curve_.back() - pass_curve_[1]) / static_cast<double>(pass_curve_.size() - 2);
    return tokens * candidate.reads_a_token() * row_ns * step.tokens / curve_[step.rows];
}

/// First drafts of all.
void DraftLength::fill_heap(const Step& step, std::span<Candidate> candidates) {
    heap_.clear();
    for (size_t i = 0; i < candidates.size(); ++i) {
        Candidate& c = candidates[i];
        c.chosen = 0;
        if (c.most == 0) continue;
        const double chance = acceptance_.chance(c.request, c.strength, 0);
        heap_.push_back({chance - reading_cost(step, c, 1 + chance), chance, i});
    }
    std::make_heap(heap_.begin(), heap_.end());
}

/// With at most `depth` drafts each. Greedy is best here: of one request chances only fall, and a row costs about the same
/// whose it is, but for what has to be read.
DraftLength::Plan DraftLength::best_of_depth(const Step& step, std::span<Candidate> candidates,
                                             uint32_t depth) {
    fill_heap(step, candidates);
    uint32_t rows = step.rows;
    // Not far into what nobody has seen: its time is a guess, and the guess is that rows go on as they did.
    const uint32_t furthest = step.decodes_only ? std::max(2 * times_.most_seen(), rows + 1) : UINT32_MAX;
    Making making(pass_curve_, rows_read_);
    Plan plan{static_cast<double>(step.tokens), curve_[rows] + making.ns()}, best = plan;
    order_.clear();
    length_ = 0;
    while (!heap_.empty() && rows < std::min(furthest, last_row_)) {
        std::pop_heap(heap_.begin(), heap_.end());
        Next& next = heap_.back();
        Candidate& c = candidates[next.index];
        order_.push_back(next.index);
        plan.tokens += next.chance;
        making.add(c, c.chosen, next.chance);
        plan.ns = curve_[++rows] + making.ns();
        next.chance *= acceptance_.chance(c.request, c.strength, ++c.chosen);
        next.gain = next.chance - reading_cost(step, c, next.chance);
        if (c.chosen < std::min(c.most, depth))
            std::push_heap(heap_.begin(), heap_.end());
        else
            heap_.pop_back();
        // Steps of a staircase are crossed: the best of all that were passed counts.
        if (worth(step, plan) < worth(step, best)) continue;
        best = plan;
        length_ = order_.size();
    }
    return best;
}

/// The first `length` of the drafts, in the order in which they are worth it.
void DraftLength::take(size_t length, std::span<Candidate> candidates) const {
    for (Candidate& c : candidates) c.chosen = 0;
    for (size_t i = 0; i < length; ++i) ++candidates[order_[i]].chosen;
}

DraftLength::Plan DraftLength::plan_of(const Step& step, std::span<const Candidate> candidates,
                                       double rows_read) const {
    Plan plan{static_cast<double>(step.tokens), 0};
    uint32_t rows = step.rows;
    Making making(pass_curve_, rows_read);
    for (const Candidate& c : candidates) {
        double chance = 1;
        for (uint32_t i = 0; i < c.chosen; ++i) {
            plan.tokens += chance *= acceptance_.chance(c.request, c.strength, i);
            making.add(c, i, chance);
        }
        rows += c.chosen;
    }
    plan.ns = curve_[rows] + making.ns();
    return plan;
}

// --------------------------------------------------------------------------------------------- trials

bool DraftLength::is_tried(const Candidate& candidate) const {
    return tries_left_ > 0 && trying_ == candidate.request;
}

/// A draft model may have to read a text over several steps before it drafts: a trial that ended with the first of them
/// would find nothing out, however often it were made.
bool DraftLength::go_on_trying() {
    if (!trying_ || tries_left_ == 0) return false;
    --tries_left_;
    const auto one = std::ranges::find(ready_, *trying_, &Candidate::request);
    if (one != ready_.end()) one->chosen = std::max(one->chosen, std::min(one->most, tried_drafts_));
    return true;
}

/// In turns: one request drafts all it can, or one more than others do; there are some more drafts or fewer; there are none. So
/// acceptance far out, the time of as many rows as are not chosen, and what all is measured against are known, and stay known.
/// Where none are chosen the first draft says the most for its time.
void DraftLength::vary(const Candidate& one, bool all) {
    size_t length = 0;
    for (const Candidate& c : ready_) length += c.chosen;
    const size_t round = trials_ / 3, least = length / 2,
                 most = std::min(order_.size(), 2 * (length + 1) + ready_.size());
    if (trials_ % 3 == 1) return take(least + round * 5 % (most - least + 1), ready_);
    if (trials_ % 3 == 2) return take(0, ready_);
    const size_t usual = ready_.empty() ? 0 : length / ready_.size();
    tried_drafts_ = all ? UINT32_MAX : static_cast<uint32_t>(usual) + 1;
    if (one.reads < one.behind) {  // as it will be once it has read
        ready_.push_back(one);
        ready_.back().behind = 0;
    }
    for (Candidate& c : ready_)
        if (c.request == one.request) c.chosen = std::min(c.most, tried_drafts_);
}

/// What ready_ as it is now is expected to lose against the best plan, with so many more rows to read.
double DraftLength::loss_ns(const Step& step, double more_rows, const Plan& best) const {
    uint32_t rows = step.rows;
    for (const Candidate& c : ready_) rows += c.chosen;
    if (rows > last_row_) return INFINITY;
    const Plan other = plan_of(step, ready_, rows_read_ + more_rows);
    return std::max(0.0, other.ns - other.tokens / best.rate());
}

void DraftLength::try_something(const Step& step, std::span<const Candidate> candidates, const Plan& best) {
    if (best.ns <= 0 || candidates.empty()) return;
    const Candidate& one = candidates[trials_ / 3 % candidates.size()];
    const bool of_one = trials_ % 3 == 0, reads_first = of_one && one.reads < one.behind;
    const bool nothing_to_vary = of_one ? one.most == 0 : order_.empty();
    if (nothing_to_vary) {
        ++trials_;
        return;
    }
    std::vector<Candidate> before = ready_;
    const size_t round = trials_ / 3;
    vary(one, (round + round / candidates.size()) % 2 == 1);  // each of them both ways in turn
    const double lost_ns = loss_ns(step, reads_first ? one.behind - one.reads : 0, best);
    const bool dear = trial_ns_ + lost_ns > kTrialShare * total_ns_;
    if (dear || reads_first) ready_.swap(before);
    if (dear) {
        if (std::isinf(lost_ns)) ++trials_;  // the step has no room for it, and may not have for long
        return;
    }
    trial_ns_ += std::max(lost_ns, kTrialShare * kStepsBetweenTrials * best.ns);
    trying_.reset();
    if (of_one && step.computes) {
        trying_ = one.request;
        tries_left_ = kMostTries;
    }
    ++trials_;
}

void DraftLength::step_took(uint32_t rows, int64_t duration_ns) {
    times_.add(rows, static_cast<double>(duration_ns));
    total_ns_ += static_cast<double>(std::max<int64_t>(0, duration_ns));
}

void DraftLength::prefill_took(uint32_t rows, int64_t duration_ns) {
    times_.add_far(rows, static_cast<double>(duration_ns));
}

void DraftLength::pass_took(uint32_t rows, int64_t duration_ns) {
    pass_times_.add(rows, static_cast<double>(duration_ns));
    total_ns_ += static_cast<double>(std::max<int64_t>(0, duration_ns));
}

}  // namespace pitwall::engine
