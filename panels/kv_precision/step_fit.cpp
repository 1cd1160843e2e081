// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/step_fit.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {

namespace {

constexpr double kZ = 1.96;
/// Terms that move together by more than this cannot be told apart.
constexpr double kMostCorrelated = 0.98;
/// A context that moves by less than this share of its mean says nothing of what a token costs.
constexpr double kLeastSpread = 0.02;

/// Sums of squares and products about the means: s of sequences, c of context, y of time.
struct Moments {
    double n = 0, s = 0, c = 0, y = 0;
    double ss = 0, cc = 0, sc = 0, sy = 0, cy = 0, yy = 0;
};

Moments moments_of(std::span<const DecodeStep> steps) {
    Moments m;
    m.n = double(steps.size());
    for (const DecodeStep& step : steps) {
        m.s += step.sequences / m.n;
        m.c += step.context_tokens / m.n;
        m.y += step.execute_ns / m.n;
    }
    for (const DecodeStep& step : steps) {
        const double s = step.sequences - m.s, c = step.context_tokens - m.c, y = step.execute_ns - m.y;
        m.ss += s * s, m.cc += c * c, m.sc += s * c, m.sy += s * y, m.cy += c * y, m.yy += y * y;
    }
    return m;
}

/// Inverse of the matrix of the two centred terms; without the first one where the number of sequences never moved.
struct Inverse {
    double ss = 0, sc = 0, cc = 0;
    double terms = 2;
};

std::optional<Inverse> invert(const Moments& m) {
    if (!(m.cc > 0) || std::sqrt(m.cc / m.n) < kLeastSpread * m.c) return std::nullopt;
    if (m.ss < 1e-9 * m.n) return Inverse{0, 0, 1 / m.cc, 1};
    const double determinant = m.ss * m.cc - m.sc * m.sc;
    if (m.sc * m.sc > kMostCorrelated * m.ss * m.cc || !(determinant > 0)) return std::nullopt;
    return Inverse{m.cc / determinant, -m.sc / determinant, m.ss / determinant, 2};
}

/// Of (1, sequences, context), from the centred terms' and the mean's.
void set_covariance(StepFit& fit, const Moments& m, const Inverse& inverse, double noise) {
    const double base_s = -(inverse.ss * m.s + inverse.sc * m.c),
                 base_c = -(inverse.sc * m.s + inverse.cc * m.c);
    const double base = 1 / m.n - base_s * m.s - base_c * m.c;
    fit.covariance = {
        {{base, base_s, base_c}, {base_s, inverse.ss, inverse.sc}, {base_c, inverse.sc, inverse.cc}}};
    for (auto& row : fit.covariance)
        for (double& value : row) value *= noise;
}

}  // namespace

double StepFit::predict(double sequences, double context_tokens) const {
    return base_ns + sequence_ns * sequences + token_ns * context_tokens;
}

double StepFit::variance(double sequences, double context_tokens) const {
    const std::array<double, 3> x = {1, sequences, context_tokens};
    double sum = 0;
    for (size_t i = 0; i < 3; ++i)
        for (size_t j = 0; j < 3; ++j) sum += x[i] * covariance[i][j] * x[j];
    return std::max(0.0, sum);
}

std::optional<StepFit> fit_steps(std::span<const DecodeStep> steps) {
    if (steps.size() < 4) return std::nullopt;
    const Moments m = moments_of(steps);
    const std::optional<Inverse> inverse = invert(m);
    if (!inverse) return std::nullopt;
    StepFit fit;
    fit.n = steps.size();
    fit.sequence_ns = inverse->ss * m.sy + inverse->sc * m.cy;
    fit.token_ns = inverse->sc * m.sy + inverse->cc * m.cy;
    fit.base_ns = m.y - fit.sequence_ns * m.s - fit.token_ns * m.c;
    const double explained = fit.sequence_ns * m.sy + fit.token_ns * m.cy;
    fit.r2 = m.yy > 0 ? std::clamp(explained / m.yy, 0.0, 1.0) : 0;
    set_covariance(fit, m, *inverse, std::max(0.0, m.yy - explained) / (m.n - 1 - inverse->terms));
    fit.mean_sequences = m.s;
    const auto context = [](const DecodeStep& step) {
        return step.context_tokens / std::max(1.0, step.sequences);
    };
    fit.least_context = fit.most_context = context(steps.front());
    for (const DecodeStep& step : steps) {
        fit.least_context = std::min(fit.least_context, context(step));
        fit.most_context = std::max(fit.most_context, context(step));
    }
    return std::isfinite(fit.base_ns) && std::isfinite(fit.token_ns) ? std::optional(fit) : std::nullopt;
}

BreakEven break_even(const std::optional<StepFit>& before, const std::optional<StepFit>& after) {
    BreakEven result;
    if (!before || !after || !before->carries() || !after->carries()) return result;
    const double sequences = result.sequences = after->mean_sequences;
    result.least_context = std::max(before->least_context, after->least_context);
    result.most_context = std::min(before->most_context, after->most_context);
    if (!(result.most_context > result.least_context)) return result;
    const auto shorter = [&](double context) {
        const double tokens = context * sequences;
        const double gain = before->predict(sequences, tokens) - after->predict(sequences, tokens);
        return gain >
               kZ * std::sqrt(before->variance(sequences, tokens) + after->variance(sequences, tokens));
    };
    result.answer = BreakEven::Answer::kNotSeen;
    if (!shorter(result.most_context)) return result;
    const double fixed = after->predict(sequences, 0) - before->predict(sequences, 0);
    const double slope = (before->token_ns - after->token_ns) * sequences;  // saved for each token of context
    result.context_tokens = slope > 0 ? fixed / slope : 0;
    const bool within =
        result.context_tokens > result.least_context && result.context_tokens < result.most_context;
    result.answer = within ? BreakEven::Answer::kFrom : BreakEven::Answer::kEverywhere;
    return result;
}

}  // namespace pitwall::panels
