// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/draft_length.h"

#include <algorithm>
#include <cmath>

namespace pitwall::engine {

namespace {

constexpr double kNewestTime = 1.0 / 8;      ///< weight of the newest step among those of as many rows
constexpr double kNewestChance = 1.0 / 200;  ///< of the newest draft among those of its strength and place
constexpr uint32_t kKnownTimes = 200;        ///< as many as count, then
constexpr double kFirstGuess = 0.6, kGuessTimes = 2;  ///< of a first draft, and how often seen it counts for
constexpr double kNewestOffset = 1.0 / 40;            ///< of the newest draft among those of its request
/// Of an offset, in a step in which its request could not show otherwise: bad luck is no sentence for life.
constexpr double kForgotten = 1.0 / 256;
/// A step that was held up by something else says little: it counts as at most so many times what was usual.
constexpr double kLongest = 2.0;
/// At least: a trial that costs nothing is no news every step.
constexpr double kStepsBetweenTrials = 16;
constexpr uint32_t kMostTries = 32;  ///< steps of one trial

}  // namespace

// ------------------------------------------------------------------------------------------------ times

void StepTimes::add(uint32_t rows, double ns) {
    if (rows == 0 || rows > kMostRows || !(ns > 0)) return;
    if (seen_.size() <= rows) seen_.resize(size_t{rows} + 1);
    Seen& seen = seen_[rows];
    ++seen.times;
    if (seen.times > 3) ns = std::min(ns, kLongest * seen.ns);
    const double weight = std::max(kNewestTime, 1.0 / seen.times);
    seen.ns += weight * (ns - seen.ns);
}

void StepTimes::curve(uint32_t rows, std::vector<double>& out) const {
    out.assign(size_t{rows} + 1, 0);
    uint32_t last = 0, before = 0;
    double highest = 0;
    for (uint32_t at = 1; at < seen_.size() && last <= rows; ++at) {
        if (seen_[at].times == 0) continue;
        const double now = std::max(highest, seen_[at].ns);
        // Below the first that was seen it takes as long: too much is better than nothing at all.
        for (uint32_t i = last + 1; i <= std::min(at, rows); ++i)
            out[i] = last == 0 ? now : highest + (now - highest) * (i - last) / (at - last);
        before = last, last = at;
        highest = now;
    }
    if (last == 0 || last >= rows) return;
    double slope = slope_beyond(last, highest);
    if (before != 0) slope = std::max(slope, (highest - out[before]) / (last - before));
    for (uint32_t i = last + 1; i <= rows; ++i) out[i] = out[i - 1] + slope;
}

void StepTimes::add_far(uint32_t rows, double ns) {
    if (rows == 0 || !(ns > 0)) return;
    const double weight = far_rows_ == 0 ? 1 : kNewestTime;
    far_rows_ += weight * (rows - far_rows_);
    far_ns_ += weight * (ns - far_ns_);
}

double StepTimes::slope_beyond(uint32_t last, double last_ns) const {
    return far_rows_ > last ? std::max(0.0, far_ns_ - last_ns) / (far_rows_ - last) : 0;
}

uint32_t StepTimes::least_seen() const {
    const auto least = std::ranges::find_if(seen_, [](const Seen& seen) { return seen.times > 0; });
    return least == seen_.end() ? 0 : static_cast<uint32_t>(least - seen_.begin());
}

bool StepTimes::was_seen_near(uint32_t rows) const {
    const size_t first = rows - rows / 4, end = std::min<size_t>(seen_.size(), size_t{rows} + rows / 4 + 1);
    for (size_t at = first; at < end; ++at)
        if (seen_[at].times > 0) return true;
    return false;
}

// ------------------------------------------------------------------------------------------------ acceptance

/// A place of which little is known is taken for much like the one before it.
double Acceptance::mean_chance(uint32_t strength, uint32_t place) const {
    double chance = kFirstGuess;
    for (uint32_t i = 0; i <= std::min(place, kPlaces - 1); ++i) {
        const Mean& mean = means_[std::min(strength, Drafter::kStrengths - 1)][i];
        const double known = std::min(mean.times, kKnownTimes);
        chance = (known * mean.value + kGuessTimes * chance) / (known + kGuessTimes);
    }
    return chance;
}

double Acceptance::chance(RequestId request, uint32_t strength, uint32_t place) const {
    const auto offset = offsets_.find(raw(request));
    return std::clamp(mean_chance(strength, place) + (offset == offsets_.end() ? 0 : offset->second), 0.0,
                      0.99);
}

/// Those before the first rejected one held, that one did not, and of those behind nothing is known.
void Acceptance::add(RequestId request, uint32_t strength, uint32_t drafted, uint32_t accepted) {
    double& offset = offsets_[raw(request)];
    for (uint32_t place = 0; place < std::min(drafted, accepted + 1); ++place) {
        const double held = place < accepted ? 1 : 0;
        offset += kNewestOffset * (held - mean_chance(strength, place) - offset);
        Mean& mean = means_[std::min(strength, Drafter::kStrengths - 1)][std::min(place, kPlaces - 1)];
        ++mean.times;
        mean.value += std::max(kNewestChance, 1.0 / mean.times) * (held - mean.value);
    }
}

void Acceptance::rest(RequestId request) {
    const auto offset = offsets_.find(raw(request));
    if (offset != offsets_.end()) offset->second *= 1 - kForgotten;
}

// ------------------------------------------------------------------------------------------------ choice

double DraftLength::Making::pass_ns(uint32_t rows) const {
    return curve_.empty() ? 0 : curve_[std::min<size_t>(rows, curve_.size() - 1)];
}

void DraftLength::Making::add(uint32_t place, uint32_t rows) {
    uint32_t& pass = rows_[std::min(place, Acceptance::kPlaces - 1)];
    ns_ -= pass_ns(pass);
    pass += rows;
    ns_ += pass_ns(pass);
}

void DraftLength::choose(const Step& step, std::span<Candidate> candidates) {
    uint32_t drafts = 0, pass_rows = 0;
    for (Candidate& candidate : candidates) {
        drafts += candidate.most;
        pass_rows = std::min(pass_rows + 1 + candidate.behind, StepTimes::kMostRows);
        candidate.chosen = 0;
    }
    if (step.rows >= StepTimes::kMostRows) return;  // a step as long as that is no place for guesses
    last_row_ = step.rows + std::min({drafts, step.room, StepTimes::kMostRows - step.rows});
    // What is to be improved on has to be known first, or what is much like it.
    if (step.decodes_only && !times_.was_seen_near(step.rows)) return;
    expect_times(step, pass_rows);
    if (step.computes && curve_[step.rows] <= 0) return;  // for nothing is known that it could be worth
    const Plan best = best_plan(step, candidates);
    if (step.decodes_only && !go_on_trying(candidates)) try_something(step, candidates, best);
    for (const Candidate& candidate : candidates)
        if (candidate.most > 0 && candidate.chosen == 0) acceptance_.rest(candidate.request);
}

/// The first pass reads prompts, and takes long: that those without any do too would be believed for ever, since none would
/// be made.
void DraftLength::expect_times(const Step& step, uint32_t pass_rows) {
    times_.curve(std::max(last_row_, pass_rows), curve_);
    pass_times_.curve(pass_rows, pass_curve_);
    if (step.pass_share <= 0) return;
    for (uint32_t rows = 1; rows < std::min(pass_times_.least_seen(), pass_rows + 1); ++rows)
        pass_curve_[rows] = std::min(pass_curve_[rows], step.pass_share * curve_[rows]);
}

/// A pass over a draft model costs much the same for one row as for many: how many there are is chosen first, by trying each
/// number. Looking up has no passes, and one try says all.
DraftLength::Plan DraftLength::best_plan(const Step& step, std::span<Candidate> candidates) {
    Plan best = best_of_depth(step, candidates, step.computes ? 1 : UINT32_MAX);
    for (uint32_t depth = 2; step.computes && depth <= Acceptance::kPlaces; ++depth) {
        best_order_.swap(order_);
        const size_t best_length = length_;
        const Plan plan = best_of_depth(step, candidates, depth);
        if (plan.rate() > best.rate()) {
            best = plan;
            continue;
        }
        order_.swap(best_order_);
        length_ = best_length;
    }
    take(length_, candidates);
    return best;
}

/// First drafts of all.
void DraftLength::fill_heap(std::span<Candidate> candidates) {
    heap_.clear();
    for (size_t i = 0; i < candidates.size(); ++i) {
        Candidate& c = candidates[i];
        c.chosen = 0;
        if (c.most > 0) heap_.push_back({acceptance_.chance(c.request, c.strength, 0), i});
    }
    std::make_heap(heap_.begin(), heap_.end());
}

/// With at most `depth` drafts each. Greedy is best here: of one request chances only fall, and a row costs about the same
/// whose it is.
DraftLength::Plan DraftLength::best_of_depth(const Step& step, std::span<Candidate> candidates,
                                             uint32_t depth) {
    fill_heap(candidates);
    uint32_t rows = step.rows;
    // Not far into what nobody has seen: its time is a guess, and the guess is that rows go on as they did.
    const uint32_t furthest = step.decodes_only ? std::max(2 * times_.most_seen(), rows + 1) : UINT32_MAX;
    Plan plan{static_cast<double>(step.tokens), curve_[rows]}, best = plan;
    Making making(pass_curve_);
    order_.clear();
    length_ = 0;
    while (!heap_.empty() && rows < std::min(furthest, last_row_)) {
        std::pop_heap(heap_.begin(), heap_.end());
        Next& next = heap_.back();
        Candidate& c = candidates[next.index];
        order_.push_back(next.index);
        plan.tokens += next.chance;
        making.add(c.chosen, 1 + (c.chosen == 0 ? c.behind : 0));
        plan.ns = curve_[++rows] + making.ns();
        next.chance *= acceptance_.chance(c.request, c.strength, ++c.chosen);
        if (c.chosen < std::min(c.most, depth))
            std::push_heap(heap_.begin(), heap_.end());
        else
            heap_.pop_back();
        // Steps of a staircase are crossed: the best of all that were passed counts.
        if (plan.rate() < best.rate()) continue;
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

DraftLength::Plan DraftLength::plan_of(const Step& step, std::span<const Candidate> candidates) const {
    Plan plan{static_cast<double>(step.tokens), 0};
    uint32_t rows = step.rows;
    Making making(pass_curve_);
    for (const Candidate& c : candidates) {
        double chance = 1;
        for (uint32_t i = 0; i < c.chosen; ++i) {
            plan.tokens += chance *= acceptance_.chance(c.request, c.strength, i);
            making.add(i, 1 + (i == 0 ? c.behind : 0));
        }
        rows += c.chosen;
    }
    plan.ns = curve_[rows] + making.ns();
    return plan;
}

/// In turns: one request drafts all it can; there are some more drafts or fewer; there are none. So acceptance far out, the
/// time of as many rows as are not chosen, and what all is measured against are known, and stay known.
void DraftLength::vary(std::span<Candidate> candidates) const {
    size_t length = 0;
    for (const Candidate& c : candidates) length += c.chosen;
    const size_t round = trials_ / 3, least = length / 2,
                 most = std::min(order_.size(), 2 * (length + 1) + candidates.size());
    if (trials_ % 3 == 1) return take(least + round * 5 % (most - least + 1), candidates);
    if (trials_ % 3 == 2) return take(0, candidates);
    Candidate& one = candidates[round % candidates.size()];
    one.chosen = one.most;
}

/// A draft model may have to read a text over several steps before it drafts: a trial that ended with the first of them
/// would find nothing out, however often it were made.
bool DraftLength::go_on_trying(std::span<Candidate> candidates) {
    if (!trying_ || tries_left_ == 0) return false;
    --tries_left_;
    const auto one = std::ranges::find(candidates, *trying_, &Candidate::request);
    if (one == candidates.end()) return false;
    one->chosen = std::max(one->chosen, one->most);
    return true;
}

void DraftLength::try_something(const Step& step, std::span<Candidate> candidates, const Plan& best) {
    if (best.ns <= 0 || order_.empty()) return;
    const std::vector<Candidate> before(candidates.begin(), candidates.end());
    vary(candidates);
    uint32_t rows = step.rows;
    for (const Candidate& c : candidates) rows += c.chosen;
    const Plan other = rows <= last_row_ ? plan_of(step, candidates) : Plan{};
    const double lost_ns = std::max(0.0, other.ns - other.tokens / best.rate());
    if (rows > last_row_ || trial_ns_ + lost_ns > kTrialShare * total_ns_) {
        std::copy(before.begin(), before.end(), candidates.begin());
        return;
    }
    trial_ns_ += std::max(lost_ns, kTrialShare * kStepsBetweenTrials * other.ns);
    trying_.reset();
    if (trials_ % 3 == 0 && step.computes) {
        trying_ = candidates[trials_ / 3 % candidates.size()].request;
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
