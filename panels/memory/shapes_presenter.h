// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/value_row.h"
#include "panels/memory/memory_plan.h"

namespace pitwall::panels {

/// What another model would need on another device: the question as it was put, and the plan in words. Modelled throughout.
class ShapesPresenter {
  public:
    ShapesPresenter();

    const MemoryQuestion& question() const { return question_; }
    void set_question(const MemoryQuestion& question);
    /// One of model_shapes(); its own context comes with it.
    void choose_shape(size_t index);
    /// Its place in model_shapes(); nothing for a shape of one's own.
    std::optional<size_t> shape_index() const;
    /// Its place in device_memories(); nothing for an own size.
    std::optional<size_t> device_index() const;

    const MemoryPlan& plan() const { return plan_; }
    const std::vector<ValueRow>& results() const { return results_; }
    /// The same model with its keys and values shared otherwise.
    const std::vector<ValueRow>& kinds() const { return kinds_; }
    /// "2 × 32 layers × 8 KV heads × 128 × 2 B = 131,072 B a token", and how many requests follow from it.
    const QString& token_formula() const { return token_formula_; }
    const QString& request_formula() const { return request_formula_; }
    QString scope() const { return QStringLiteral("modelled: arithmetic, nothing here is measured"); }
    QString csv() const;

  private:
    void work_out();
    void describe_model();
    void describe_requests();
    void describe_kinds();
    void write_formulas();

    MemoryQuestion question_;
    MemoryPlan plan_;
    std::vector<ValueRow> results_, kinds_;
    QString token_formula_, request_formula_;
};

}  // namespace pitwall::panels
