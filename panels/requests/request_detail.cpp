// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/request_detail.h"

#include <QHelpEvent>
#include <QPainter>
#include <QScrollBar>
#include <QTextBlock>
#include <QToolTip>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/kv_precision/kv_formats.h"
#include "panels/requests/token_origins.h"

namespace pitwall::panels {
namespace {

using telemetry::DictionaryKind;
using telemetry::RequestRow;

constexpr int kInset = 12, kBarTop = 22, kBarHeight = 12, kLabelTop = 42, kLine = 19;  // at scale 1
constexpr size_t kTokensShown = 2000, kTokensAtOnce = 250;
constexpr QChar kCaret(0x258C);
constexpr int kRecallAgainMs = 2000;

QString from_utf8(std::string_view bytes) {
    return QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size()));
}

/// It would end the line or order the document: a carriage return does, and so do Unicode's own separators.
bool is_seen_as_bytes(QChar c) {
    return c == QChar::ReplacementCharacter || c.category() == QChar::Other_Control ||
           c.category() == QChar::Separator_Line || c.category() == QChar::Separator_Paragraph ||
           QChar::isNonCharacter(c.unicode());
}

/// A token's own text on one line, so that blanks and line ends can be seen; what is not whole UTF-8, or no text, as bytes.
QString visible_token(std::string_view bytes) {
    QString text = from_utf8(bytes);
    text.replace(u'\n', QChar(0x21b5)).replace(u'\t', QChar(0x21e5));
    if (std::ranges::none_of(text, is_seen_as_bytes)) return u'\u201c' + text + u'\u201d';
    QString hex;
    for (const char byte : bytes)
        hex += QStringLiteral("<%1>").arg(static_cast<uint8_t>(byte), 2, 16, QChar(u'0'));
    return hex;
}

}  // namespace

RequestDetail::RequestDetail(const PanelContext& context, const RequestsPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      theme_(context.theme),
      recollection_(context.recollection),
      presenter_(presenter),
      text_(new QTextEdit(this)) {
    text_->setReadOnly(true);
    text_->setFrameShape(QFrame::NoFrame);
    text_->setUndoRedoEnabled(false);
    text_->setFocusPolicy(Qt::ClickFocus);
    text_->setAccessibleName(QStringLiteral("Text of the selected request"));
    text_->document()->setDocumentMargin(0);
    connect(theme_, &Theme::changed, this, &RequestDetail::take_theme);
    take_theme();
}

void RequestDetail::take_theme() {
    const auto name = [this](const char* token) { return theme_->color(token).name(); };
    text_->setStyleSheet(QStringLiteral("QTextEdit { background: %1; color: %2; border: none; padding: 0; }")
                             .arg(name("bg.panel"), name("text.primary")));
    text_->setFont(show_ == Show::kTokens ? theme_->numbers("small") : theme_->words("stream"));
    forget_text();
    resizeEvent(nullptr);
    refresh();
}

void RequestDetail::set_request(RequestId request) {
    if (request == request_) return;
    request_ = request;
    forget_text();
}

void RequestDetail::set_show(Show show) {
    if (show == show_) return;
    show_ = show;
    take_theme();
}

void RequestDetail::forget_text() {
    shown_.clear();
    text_->clear();
    caret_ = false;
    first_token_ = next_token_ = 0;
}

QString RequestDetail::token_line(const RequestRow& row, size_t index) const {
    const RequestRow::Token& token = row.tokens[index];
    const int64_t before = index ? row.tokens[index - 1].t_ns : row.arrival_ns;
    const std::string_view bytes =
        presenter_.store().text(DictionaryKind::kToken, static_cast<uint32_t>(token.id));
    QString line = QStringLiteral("%1  +%2  %3  %4")
                       .arg(index + 1, 5)
                       .arg(format_duration(static_cast<double>(token.t_ns - before)).text(), 8)
                       .arg(token.id, 6)
                       .arg(visible_token(bytes));
    if (const char* word = origin_text(token.origin).word; *word != 0)
        line += QStringLiteral("  ") + QLatin1String(word);
    return line + u'\n';
}

/// Each with its origin as a word, a colour and a meaning on hover; a plain one as it is.
void RequestDetail::add_tokens(QTextCursor& cursor, const RequestRow& row, size_t first) const {
    for (size_t i = first; i < row.tokens.size(); ++i) {
        const OriginText& origin = origin_text(row.tokens[i].origin);
        QTextCharFormat format;
        format.setForeground(theme_->color(origin.token));
        format.setToolTip(QLatin1String(origin.meaning));
        cursor.insertText(token_line(row, i), format);
    }
}

/// Adds the new ones below and drops old ones above, a few hundred at a time: a long answer is not written anew with
/// each token.
void RequestDetail::follow_tokens(const RequestRow& row) {
    const size_t count = row.tokens.size();
    if (count < next_token_ || (next_token_ == 0 && !shown_.isEmpty())) forget_text();
    if (count == next_token_) return;
    if (next_token_ == 0) first_token_ = next_token_ = count > kTokensShown ? count - kTokensShown : 0;
    QScrollBar* bar = text_->verticalScrollBar();
    const bool at_end = bar->value() >= bar->maximum() - 4;
    QTextCursor cursor(text_->document());
    cursor.movePosition(QTextCursor::End);
    add_tokens(cursor, row, next_token_);
    next_token_ = count;
    if (count - first_token_ > kTokensShown + kTokensAtOnce) {
        cursor.movePosition(QTextCursor::Start);
        cursor.movePosition(QTextCursor::NextBlock, QTextCursor::KeepAnchor,
                            static_cast<int>(count - first_token_ - kTokensShown));
        cursor.removeSelectedText();
        first_token_ = count - kTokensShown;
    }
    if (at_end) bar->setValue(bar->maximum());
}

QString RequestDetail::wanted_text(const RequestRow& row) const {
    const bool has_some = show_ == Show::kPrompt || (row.output_tokens > 0 && row.error.empty());
    if (row.folded && !in_recording_ && has_some)
        return QStringLiteral("It ended too long ago: its text is gone, and no recording has it");
    if (show_ == Show::kTokens) return QStringLiteral("No token yet");
    if (show_ == Show::kPrompt) {
        const QString prompt = prompt_of(row);
        return prompt.isEmpty() ? QStringLiteral("The prompt is not kept: record_text is off") : prompt;
    }
    if (!row.error.empty()) return QString::fromStdString(row.error);
    QString output = QString::fromStdString(presenter_.store().output_text(row.tokens));
    if (!output.isEmpty()) return output;
    if (row.output_tokens > 0) return QStringLiteral("The answer is not kept: record_text is off");
    return row.ended() ? QStringLiteral("It ended before its first token") : QString();
}

/// Appends where it can: what a reader has selected or scrolled to stays.
void RequestDetail::set_text(const QString& text, bool more_comes) {
    if (text == shown_ && more_comes == caret_) return;
    QScrollBar* bar = text_->verticalScrollBar();
    const bool at_end = bar->value() >= bar->maximum() - 4;
    const bool appends = !shown_.isEmpty() && text.startsWith(shown_);
    QTextCursor cursor(text_->document());
    cursor.movePosition(appends ? QTextCursor::End : QTextCursor::Start);
    if (appends && caret_) cursor.deletePreviousChar();
    if (!appends) cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
    cursor.insertText((appends ? text.mid(shown_.size()) : text) +
                      (more_comes ? QString(kCaret) : QString()));
    if (!appends) {
        QTextBlockFormat format;
        format.setLineHeight(theme_->scaled(kLine), show_ == Show::kTokens ? QTextBlockFormat::SingleHeight
                                                                           : QTextBlockFormat::FixedHeight);
        cursor.select(QTextCursor::Document);
        cursor.mergeBlockFormat(format);
    }
    shown_ = text;
    caret_ = more_comes;
    if (at_end && show_ != Show::kPrompt) bar->setValue(bar->maximum());
}

/// The selected request; one that the store has folded with what its recording has, read once.
const RequestRow* RequestDetail::row_with_tokens() {
    const RequestRow* row = presenter_.row(request_);
    if (!row || !row->folded) return row;
    const uint64_t session = presenter_.store().generation();
    const bool known = recalled_.id == row->id && recalled_generation_ == session;
    // A file that could not be read now (a recording begins or ends) may be readable in a moment.
    if (known && (in_recording_ || recalled_since_.elapsed() < kRecallAgainMs)) return &recalled_;
    recalled_ = *row;
    recalled_generation_ = session;
    recalled_since_.start();
    auto recorded = recollection_ ? recollection_->recall(*row) : std::nullopt;
    in_recording_ = recorded.has_value();
    if (in_recording_) recalled_.tokens = std::move(recorded->tokens);
    recalled_prompt_ = in_recording_ ? std::move(recorded->prompt) : std::string();
    return &recalled_;
}

QString RequestDetail::prompt_of(const RequestRow& row) const {
    return from_utf8(row.folded ? recalled_prompt_
                                : presenter_.store().text(DictionaryKind::kPrompt, raw(row.id)));
}

void RequestDetail::refresh() {
    const RequestRow* row = row_with_tokens();
    text_->setVisible(row != nullptr);
    if (row && show_ == Show::kTokens && !row->tokens.empty())
        follow_tokens(*row);
    else if (row)
        set_text(wanted_text(*row), show_ == Show::kOutput && !row->ended());
    update();
}

void RequestDetail::resizeEvent(QResizeEvent* /*event*/) {
    const int inset = theme_->scaled(kInset), line = theme_->scaled(kLine);
    const int room = std::max(0, height() - text_top() - theme_->scaled(4));
    // Whole lines, so that none is cut in half where the text is scrolled to its end.
    const int lines = show_ == Show::kTokens ? room : room / line * line;
    text_->setGeometry(inset, text_top(), std::max(0, width() - inset - theme_->scaled(4)), lines);
}

void RequestDetail::paint_header(QPainter& painter, const RequestRow& row) {
    const Theme& t = *theme_;
    const double left = t.scaled(kInset), right = width() - t.scaled(kInset), baseline = t.scaled(14);
    paint_swatch(painter, t, left, baseline - t.scaled(4), t.request(row.id));
    double x = left + t.scaled(15);
    x += paint_text(painter, t.numbers("body", 600), t.color("text.primary"), x, baseline,
                    format_request(raw(row.id))) +
         t.scaled(8);
    const QString time = detail_time(row, presenter_.store().now_ns());
    const auto space = time.indexOf(u' ');
    const double used =
        paint_quantity(painter, t, right, baseline,
                       {time.left(space), space < 0 ? QString() : time.mid(space + 1)}, Side::kRight);
    const QFontMetricsF metrics(t.words("small"));
    QString said = detail_phrase(row);
    if (show_ == Show::kTokens && first_token_ > 0)
        said += QStringLiteral(", listed from %1").arg(format_count(int64_t(first_token_) + 1));
    if (const QString origins = show_ == Show::kTokens ? origins_phrase(row) : QString(); !origins.isEmpty())
        said += QStringLiteral(", ") + origins;
    const QString phrase = metrics.elidedText(said, Qt::ElideRight, right - used - t.scaled(8) - x);
    paint_text(painter, t.words("small"), t.color("text.secondary"), x, baseline, phrase);
}

void RequestDetail::paint_bar(QPainter& painter, const RequestRow& row) {
    const double left = theme_->scaled(kInset), room = width() - 2 * left;
    const int64_t total = cause_total_ns(row);
    double x = left;
    for (const CauseSlice& slice : cause_slices(row)) {
        const double w = room * double(slice.ns) / double(total);
        if (w > .3)
            painter.fillRect(
                QRectF(x, theme_->scaled(kBarTop), std::max(.6, w - 1), theme_->scaled(kBarHeight)),
                theme_->cause(slice.cause));
        x += w;
    }
}

void RequestDetail::paint_labels(QPainter& painter, const RequestRow& row) {
    const Theme& t = *theme_;
    const double left = t.scaled(kInset), room = width() - 2 * left;
    const QFontMetricsF words(t.words("small"));
    const auto width_of = [&](const CauseSlice& slice) {
        return std::max<double>(
            t.scaled(62),
            words.horizontalAdvance(QLatin1String(short_cause_name(slice.cause))) + t.scaled(14));
    };
    std::vector<CauseSlice> slices = longest_slices(row, 4);
    const auto needed = [&] {
        double need = 0;
        for (const CauseSlice& slice : slices) need += width_of(slice);
        return need;
    };
    for (size_t n = slices.size(); n > 1 && needed() > room; --n) slices = longest_slices(row, n - 1);
    if (slices.empty()) return;
    const double gap =
        std::min<double>(t.scaled(28), (room - needed()) / std::max<double>(1, double(slices.size()) - 1));
    double x = left;
    for (const CauseSlice& slice : slices) {
        const double baseline = t.scaled(kLabelTop + 8);
        paint_swatch(painter, t, x, baseline - t.scaled(3.5), t.cause(slice.cause));
        paint_text(painter, t.words("small"), t.color("text.secondary"), x + t.scaled(12), baseline,
                   QLatin1String(short_cause_name(slice.cause)));
        paint_quantity(painter, t, x + t.scaled(12), baseline + t.scaled(15),
                       format_duration(double(slice.ns)));
        x += width_of(slice) + gap;
    }
}

void RequestDetail::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    const Theme& t = *theme_;
    painter.fillRect(rect(), t.color("bg.panel"));
    if (presenter_.empty()) return;  // the sentence over the whole panel says it
    painter.fillRect(QRect(0, t.scaled(4), 1, height() - t.scaled(14)), t.color("line.border"));
    const RequestRow* row = presenter_.row(request_);
    if (!row) {
        paint_text(painter, t.words("small"), t.color("text.secondary"), width() / 2.0, height() / 2.0,
                   QStringLiteral("Select a request: a click, or J and K"), At::kMiddle);
        return;
    }
    paint_header(painter, *row);
    paint_bar(painter, *row);
    paint_labels(painter, *row);
}

/// Where its time went, where its tokens came from, and the formats of the KV cache that were in force while it lived.
QString RequestDetail::hover_text(const RequestRow& row) {
    QString text = cause_table(row);
    const RequestRow* with_tokens = row_with_tokens();
    if (const QString origins = with_tokens ? origins_phrase(*with_tokens) : QString(); !origins.isEmpty())
        text += QStringLiteral("\nTokens: ") + origins;
    const int64_t end_ns = row.end_ns < 0 ? presenter_.store().now_ns() : row.end_ns;
    const QString formats = kv_formats_text(kv_formats(presenter_.store()), row.arrival_ns, end_ns);
    return formats.isEmpty() ? text : text + QStringLiteral("\nKV cache: ") + formats;
}

bool RequestDetail::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const RequestRow* row = presenter_.row(request_);
        if (row && help->pos().y() < text_top())
            QToolTip::showText(help->globalPos(), hover_text(*row), this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace pitwall::panels
