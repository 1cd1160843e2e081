// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "panels/common/format.h"

namespace pitwall::panels {

/// One figure of a row; `tag` says in words which, where a row has two. The last one's unit may stand for all.
struct ValueCell {
    Quantity value;
    QString tag;
    bool operator==(const ValueCell& o) const {
        return value.number == o.value.number && value.unit == o.value.unit && tag == o.tag;
    }
};

/// A line of a ValueTable: what it is, its figures right-aligned in columns, and its definition on hover.
struct ValueRow {
    QString name, note;            ///< the note in grey after the name
    std::vector<ValueCell> cells;  ///< from the left; the last stands at the right edge
    QString definition;
    const char* swatch = nullptr;  ///< a colour token
    double swatch_opacity = 1;
    bool strong = false, bad = false;
    QString exact;  ///< for CSV: whole bytes or counts, in `exact_unit`
    QString exact_unit;
    bool operator==(const ValueRow&) const = default;
};

/// "name,value,unit", a line a row; rows of two cells give a line each.
QString csv_lines(const std::vector<ValueRow>& rows);
/// What it is, its figures, its definition.
QString tip_of(const ValueRow& row);
/// "131,072 B": every byte, where the sum is to be checked by hand.
Quantity format_bytes(double bytes);

}  // namespace pitwall::panels
