// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/value_row.h"

#include <QStringList>
#include <cmath>

namespace pitwall::panels {

QString csv_lines(const std::vector<ValueRow>& rows) {
    QString text;
    const auto line = [&](const QString& name, const QString& value, const QString& unit) {
        text += QStringLiteral("%1,%2,%3\n").arg(csv_quoted(name), csv_quoted(value), csv_quoted(unit));
    };
    for (const ValueRow& row : rows) {
        if (!row.exact.isEmpty()) {
            line(row.name, row.exact, row.exact_unit);
            continue;
        }
        for (const ValueCell& cell : row.cells) {
            const QString name = cell.tag.isEmpty() ? row.name : row.name + QStringLiteral(", ") + cell.tag;
            const Quantity& last = row.cells.back().value;  // says the unit for all of a row
            line(name, QString(cell.value.number).remove(u','),
                 cell.value.unit.isEmpty() ? last.unit : cell.value.unit);
        }
    }
    return text;
}

QString tip_of(const ValueRow& row) {
    QStringList figures;
    for (const ValueCell& cell : row.cells)
        if (!cell.value.number.isEmpty())
            figures << (cell.tag.isEmpty() ? cell.value.text() : cell.tag + u' ' + cell.value.text());
    if (!row.exact.isEmpty() && row.exact_unit == u"B") figures << format_bytes(row.exact.toDouble()).text();
    const QString note = row.note.isEmpty() ? QString() : QStringLiteral(" (%1)").arg(row.note);
    return QStringLiteral("%1%2: %3\n%4")
        .arg(row.name, note, figures.join(QStringLiteral(", ")), row.definition);
}

Quantity format_bytes(double bytes) {
    const bool whole = bytes == std::floor(bytes);
    return {format_fixed(bytes, whole ? 0 : 1), QStringLiteral("B")};
}

}  // namespace pitwall::panels
