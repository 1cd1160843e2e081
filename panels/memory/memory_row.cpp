// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/memory_row.h"

#include <cmath>

namespace pitwall::panels {

QString csv_lines(const std::vector<MemoryRow>& rows) {
    QString text;
    const auto line = [&](const QString& name, const QString& value, const QString& unit) {
        text += QStringLiteral("%1,%2,%3\n").arg(csv_quoted(name), csv_quoted(value), csv_quoted(unit));
    };
    for (const MemoryRow& row : rows) {
        if (!row.exact.isEmpty()) {
            line(row.name, row.exact, row.exact_unit);
            continue;
        }
        for (const MemoryCell& cell : row.cells) {
            const QString name = cell.tag.isEmpty() ? row.name : row.name + QStringLiteral(", ") + cell.tag;
            const Quantity& last = row.cells.back().value;  // says the unit for all of a row
            line(name, QString(cell.value.number).remove(u','),
                 cell.value.unit.isEmpty() ? last.unit : cell.value.unit);
        }
    }
    return text;
}

Quantity format_bytes(double bytes) {
    const bool whole = bytes == std::floor(bytes);
    return {format_fixed(bytes, whole ? 0 : 1), QStringLiteral("B")};
}

}  // namespace pitwall::panels
