// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a decode step's time depends on, by least squares, and from which context on one KV format's steps are shorter than
// another's. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace pitwall::panels {

/// A step that only decoded, one token a sequence.
struct DecodeStep {
    double sequences = 0, context_tokens = 0;  ///< running, and the token slots that they fill in sum
    double execute_ns = 0;
};

/// execute_ns = base + sequence_ns * sequences + token_ns * context_tokens.
struct StepFit {
    size_t n = 0;
    double base_ns = 0, sequence_ns = 0, token_ns = 0;
    double r2 = 0;  ///< of the variance, what the fit explains
    double mean_sequences = 0;
    double least_context = 0, most_context = 0;  ///< a sequence
    /// Covariance of the predicted mean time for (1, sequences, context).
    std::array<std::array<double, 3>, 3> covariance{};
    double predict(double sequences, double context_tokens) const;
    double variance(double sequences, double context_tokens) const;
    /// Enough steps, and enough of their time explained, for a statement.
    bool carries() const { return n >= kLeastSteps && r2 >= kLeastR2; }
    static constexpr size_t kLeastSteps = 30;
    static constexpr double kLeastR2 = 0.5;
};
/// Nothing where the steps do not tell the terms apart: too few, all of one context, or context only with sequences.
std::optional<StepFit> fit_steps(std::span<const DecodeStep> steps);

/// Where the step after a change is shorter than before, at as many sequences as ran after it.
struct BreakEven {
    enum class Answer {
        kNoFit,       ///< a fit does not carry a statement
        kEverywhere,  ///< at every context seen on both sides
        kFrom,        ///< from `context_tokens` a sequence on
        kNotSeen      ///< not within what was seen
    } answer = Answer::kNoFit;
    double context_tokens = 0, sequences = 0;
    double least_context = 0, most_context = 0;  ///< a sequence: what was seen
};
/// Shorter means: by more than the 95 % interval of the difference, at the longest context seen.
BreakEven break_even(const std::optional<StepFit>& before, const std::optional<StepFit>& after);

}  // namespace pitwall::panels
